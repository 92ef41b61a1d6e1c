"""Reports as receivers write them: after RFC 7489, and after RFC 9990."""

import gzip
import io
import time
import zipfile
from email.message import EmailMessage

DAY = 24 * 60 * 60
BEGIN = (int(time.time()) // DAY - 2) * DAY
END = BEGIN + DAY - 1


def older(*records: str, domain: str = "aviary.example.com", org: str = "Nest Mail", number: str = "1") -> bytes:
    """Without a namespace, with pct and the order of RFC 7489."""
    return f"""<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <version>1.0</version>
  <report_metadata>
    <org_name>{org}</org_name><email>dmarc@nest.example</email>
    <report_id>{number}</report_id>
    <date_range><begin>{BEGIN}</begin><end>{END}</end></date_range>
  </report_metadata>
  <policy_published><domain>{domain}</domain><adkim>r</adkim><aspf>r</aspf><p>none</p><sp>none</sp><pct>100</pct>
  </policy_published>
  {"".join(records or (record(),))}
</feedback>""".encode()


def newer(*records: str, domain: str = "aviary.example.com", number: str = "abc@rookery.example") -> bytes:
    """With the namespace of RFC 9990, extensions, and no pct."""
    return f"""<?xml version="1.0"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0" xmlns:x="https://rookery.example/ext">
  <version>1.0</version>
  <report_metadata>
    <org_name>Rookery</org_name><email>reports@rookery.example</email>
    <extra_contact_info>https://rookery.example</extra_contact_info>
    <report_id>{number}</report_id>
    <date_range><begin>{BEGIN}</begin><end>{END}</end></date_range>
    <generator>Crow 2</generator>
  </report_metadata>
  <policy_published><domain>{domain}</domain><discovery_method>treewalk</discovery_method><p>reject</p><np>reject</np>
    <testing>n</testing></policy_published>
  <extension><x:note>nothing</x:note></extension>
  {"".join(records or (record(disposition="pass"),))}
</feedback>""".encode()


def record(
    ip: str = "192.0.2.7",
    count: object = 3,
    dkim: str = "pass",
    spf: str = "pass",
    sender: str = "aviary.example.com",
    disposition: str = "none",
    selector: str = "m202611abc",
    envelope: str = "bounces.example.com",
    reason: str = "",
) -> str:
    reasons = f"<reason><type>{reason}</type><comment>c</comment></reason>" if reason else ""
    return f"""<record>
    <row><source_ip>{ip}</source_ip><count>{count}</count>
      <policy_evaluated><disposition>{disposition}</disposition><dkim>{dkim}</dkim><spf>{spf}</spf>{reasons}
      </policy_evaluated></row>
    <identifiers><header_from>{sender}</header_from><envelope_from>{envelope}</envelope_from></identifiers>
    <auth_results>
      <dkim><domain>{sender}</domain><selector>{selector}</selector><result>{dkim}</result></dkim>
      <spf><domain>{envelope}</domain><result>{spf}</result></spf>
    </auth_results>
  </record>"""


def gzipped(xml: bytes) -> bytes:
    return gzip.compress(xml)


def zipped(*files: bytes, name: str = "report.xml") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate(files):
            archive.writestr(f"{number}{name}", data)
    return packed.getvalue()


def mailed(data: bytes, name: str = "", kind: str = "application/gzip", subject: str = "") -> bytes:
    """A mail as receivers send it."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "dmarc@nest.example", "dmarc@bounces.example.com"
    mail["Subject"] = subject or "Report Domain: aviary.example.com Submitter: nest.example Report-ID: <1>"
    mail.set_content("This is a report.")
    main, _, sub = kind.partition("/")
    filename = name or f"nest.example!aviary.example.com!{BEGIN}!{END}.xml.gz"
    mail.add_attachment(data, maintype=main, subtype=sub, filename=filename)
    return mail.as_bytes()
