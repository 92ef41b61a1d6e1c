"""Reading files that anybody may have sent: what they say, and what they cannot do."""

import gzip
import io
import resource
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.deliverability.dmarc import parse
from app.deliverability.dmarc.parse import MOST_ROWS, read_report
from app.deliverability.dmarc.unpack import MOST_XML, unpack
from tests.deliverability.dmarc.samples import BEGIN, END, gzipped, newer, older, record, zipped


@pytest.mark.parametrize("pack", [bytes, gzipped, zipped])
def test_each_packing(pack: object) -> None:
    assert unpack(pack(older())) == older()  # type: ignore[operator]


def test_a_report_of_the_older_kind() -> None:
    report = read_report(older(record(), record("2001:db8::7", 2, "fail", "fail", disposition="quarantine")))
    assert (report.organisation, report.report_id, report.domain) == ("Nest Mail", "1", "aviary.example.com")
    assert report.policy["pct"] == "100"
    assert report.begins_at < report.ends_at
    first, second = report.rows
    assert (first.source_ip, first.count, first.dkim, first.spf) == ("192.0.2.7", 3, "pass", "pass")
    assert (second.source_ip, second.disposition, second.dkim) == ("2001:db8::7", "quarantine", "fail")
    assert first.details["dkim"][0]["selector"] == "m202611abc"
    assert first.details["spf"][0]["domain"] == "bounces.example.com"


def test_a_report_of_the_newer_kind() -> None:
    report = read_report(newer())
    assert (report.organisation, report.policy["np"], report.policy["discovery_method"]) == (
        "Rookery",
        "reject",
        "treewalk",
    )
    assert [(row.count, row.disposition) for row in report.rows] == [(3, "pass")]


def test_junk_costs_its_own_record_only() -> None:
    junk = ["<record/>", record(ip="not-an-ip"), record(count="many"), record(count=-4), record(count=10**12)]
    junk.append("<record><row><source_ip>192.0.2.9</source_ip></row></record>")
    report = read_report(older(record(), *junk, record("192.0.2.8", 1)))
    assert [row.source_ip for row in report.rows] == ["192.0.2.7", "192.0.2.8"]
    assert report.unreadable == len(junk)


def test_the_same_source_and_outcome_is_one_row() -> None:
    report = read_report(older(record(count=3), record(count=4), record(count=1, dkim="fail")))
    assert [row.count for row in report.rows] == [7, 1]


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"no xml at all",
        b"<feedback/>",
        b"<html><body>Sign in</body></html>",
        older().replace(b"<domain>aviary", b"<other>aviary"),
        older().replace(b"<begin>%d" % BEGIN, b"<begin>soon"),
        older().replace(b"<begin>%d" % BEGIN, b"<begin>1e400"),
        older().replace(b"<begin>%d" % BEGIN, b"<begin>nan"),
    ],
)
def test_what_is_no_report(xml: bytes) -> None:
    with pytest.raises(Invalid):
        read_report(xml)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp1252"])
def test_encodings_as_they_are(encoding: str) -> None:
    text = older(org="Köln Mail").decode()
    claimed = text.replace("UTF-8", "windows-1252") if encoding == "cp1252" else text
    assert read_report(claimed.encode(encoding)).organisation == "Köln Mail"


def test_encodings_that_are_not_what_they_claim() -> None:
    assert read_report(older().replace(b"UTF-8", b"UTF-16")).organisation == "Nest Mail"
    assert read_report(older(org="K\u00f6ln").decode().encode("cp1252")).organisation.startswith("K")
    assert read_report(older().replace(b"UTF-8", b"x-unheard-of")).organisation == "Nest Mail"
    assert read_report(older().replace(b"Nest Mail", b"Nest \x00\x01Mail")).organisation == "Nest   Mail"


LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><feedback>&c;</feedback>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/passwd">]><feedback>&x;</feedback>"""


@pytest.mark.parametrize("attack", [LAUGHS, OUTSIDE])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-7"])
def test_a_document_type_is_refused_in_any_disguise(attack: bytes, encoding: str) -> None:
    text = attack.decode()
    if encoding == "utf-7":
        # The declaration in plain letters, the rest so that no "<!" is to be seen.
        text = '<?xml version="1.0" encoding="utf-7"?>' + text[21:].replace("<!", "+ADwAIQ-")
        data = text.encode()
    else:
        data = text.encode(encoding)
    with pytest.raises(Invalid):
        read_report(data)


def test_an_entity_that_nobody_defined_is_nothing() -> None:
    assert read_report(older(org="Nest &unknown; Mail")).organisation.startswith("Nest")


def test_deep_and_wide_is_no_trouble() -> None:
    assert read_report(older("<x>" * 5000, record()) + b"</x>" * 5000).rows == ()


def test_a_bomb_of_gzip_and_of_zip() -> None:
    zeros = bytes(200 * 1024 * 1024)
    bombs = [gzip.compress(zeros), zipped(zeros)]
    del zeros
    tracemalloc.start()
    for bomb in bombs:
        with pytest.raises(Invalid, match="larger than"):
            unpack(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MOST_XML


def test_a_bomb_that_is_small_enough_is_refused_by_its_ratio() -> None:
    with pytest.raises(Invalid, match="larger than"):
        unpack(gzip.compress(bytes(9 * 1024 * 1024)))


def test_a_directory_that_lies_about_sizes() -> None:
    data = bytearray(zipped(bytes(60 * 1024 * 1024)))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    with pytest.raises(Invalid):
        unpack(bytes(data))


def test_more_than_one_file_or_packed_twice() -> None:
    with pytest.raises(Invalid, match="one file"):
        unpack(zipped(older(), older()))
    with pytest.raises(Invalid, match="one file"):
        unpack(zipped(*[b"x"] * 3000))
    for twice in (gzipped(zipped(older())), zipped(gzipped(older()))):
        with pytest.raises(Invalid, match="packed twice"):
            unpack(twice)


def test_what_a_mac_packs_and_members_one_after_the_other() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("r/", "r/report.xml", "__MACOSX/r/._report.xml", "r/.DS_Store"):
            archive.writestr(name, older() if name.endswith("report.xml") and "._" not in name else b"Mac")
    assert unpack(packed.getvalue()) == older()
    half = len(older()) // 2
    assert unpack(gzipped(older()[:half]) + gzipped(older()[half:]) + bytes(512)) == older()
    with pytest.raises(Invalid, match="damaged"):
        unpack(gzipped(b"x") * 101)
    with pytest.raises(Invalid, match="larger than"):
        unpack(gzipped(bytes(1024 * 1024)) * 11)


def test_days_that_have_not_come_yet() -> None:
    with pytest.raises(Invalid, match="have not come"):
        read_report(older().replace(str(END).encode(), b"4070908800"))


@pytest.mark.parametrize("cut", [3, 20, -20, -1])
def test_what_is_cut_short(cut: int) -> None:
    for packed in (gzipped(older()), zipped(older())):
        with pytest.raises(Invalid):
            unpack(packed[:cut])


@given(st.binary(max_size=400), st.sampled_from([b"", b"\x1f\x8b\x08\x00", b"PK\x03\x04", zipped(older())[:60]]))
def test_any_bytes_are_a_report_or_invalid(data: bytes, begin: bytes) -> None:
    with suppress(Invalid):
        read_report(unpack(begin + data))


@given(st.integers(0, len(older()) - 1), st.binary(max_size=6))
def test_any_damage_is_a_report_or_invalid(at: int, into: bytes) -> None:
    xml = older()
    try:
        report = read_report(xml[:at] + into + xml[at + len(into) :])
    except Invalid:
        return
    assert all(row.count > 0 for row in report.rows)


@pytest.mark.slow
def test_a_hundred_thousand_records_are_bounded() -> None:
    addresses = (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(100_000))
    short = (f"<record><row><source_ip>{each}</source_ip><count>1</count></row></record>" for each in addresses)
    xml = older(*short)
    assert len(xml) < MOST_XML
    report = read_report(xml)
    assert len(report.rows) == MOST_ROWS
    assert report.left_out == 100_000 - MOST_ROWS


def test_of_a_domain_that_is_not_wanted_no_record_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def is_wanted(domain: str) -> bool:
        asked.append(domain)
        return False

    def read(_record: object) -> None:
        raise AssertionError("a record was read")

    monkeypatch.setattr(parse, "_row", read)
    report = read_report(older(*[record()] * 3, domain="Aviary.Example.com."), is_wanted)
    assert (report.domain, report.rows, report.left_out) == ("aviary.example.com", (), 0)
    assert asked == ["aviary.example.com"]


def test_what_lies_behind_the_records_that_are_read_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "MOST_RECORDS", 4)
    report = read_report(older(*[record(f"192.0.2.{number}", 3) for number in range(7)]))
    assert (len(report.rows), report.left_out) == (4, 3)
    assert read_report(older(*[record(count=3)] * 4)).left_out == 0


def test_elements_are_read_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "MOST_ELEMENTS", 200)
    report = read_report(older(record(), "<a/>" * 200, record("192.0.2.8")))
    assert ([row.source_ip for row in report.rows], report.left_out) == (["192.0.2.7"], 1)


@given(st.floats(0, 1, exclude_max=True), st.sampled_from([older, newer]))
def test_a_report_that_is_cut_off_is_refused(share: float, write: Callable[..., bytes]) -> None:
    whole = write(record(), record("192.0.2.8"), record("192.0.2.9"))
    with pytest.raises(Invalid):
        read_report(whole[: int(share * len(whole))])


@pytest.mark.parametrize(
    "end", [b"</feedback>\n<!-- that was all -->\n", b"</feedback >", b"</feedback>" + bytes(9000)]
)
def test_ends_as_they_are(end: bytes) -> None:
    assert len(read_report(older().replace(b"</feedback>", end)).rows) == 1
    prefixed = newer().replace(b"<feedback xmlns=", b"<d:feedback xmlns:d=").replace(b"</feedback>", b"</d:feedback>")
    assert read_report(prefixed).organisation == "Rookery"


@pytest.mark.parametrize("org", ["Nest Mail", "<![CDATA[Nest </feedback>]]>"])
def test_a_cut_off_report_says_so(org: str) -> None:
    whole = older(record(), record("192.0.2.8"), org=org)
    with pytest.raises(Invalid, match="cut off"):
        read_report(whole[: whole.index(b"</record>") + 20])


def test_an_encrypted_or_odd_archive() -> None:
    data = bytearray(zipped(older()))
    for at in (6, data.rfind(b"PK\x01\x02") + 8):
        data[at] |= 1
    with pytest.raises(Invalid):
        unpack(bytes(data))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("r.xml", older())
    assert zlib.crc32(unpack(packed.getvalue())) == zlib.crc32(older())


MARKS = 1_490_000


@pytest.mark.parametrize(
    "junk",
    [
        b"<a/>b" * 1_960_000,
        b'<a b=""/>' * 1_100_000,
        b"<a><b/></a>" * 890_000,
        b"<a/>b" * MARKS,
        b"<record>" + b"<r/>b" * MARKS + b"</record>",
        b"<record><row>" + b"<r/>" * MARKS + b"</row></record>",
        b"<record/>" * 1_100_000,
        b"<record><row><source_ip>::1</source_ip><count>1</count></row></record>" * 145_000,
        record().encode() * 17_000,
        b"<record>" + b"<a b=''/>" * 190_000 + b"</record>",
        b"".join(b"<a%d/>" % number for number in range(500_000)),
    ],
    ids=[
        "tails",
        "attributes",
        "pairs",
        "to the cap",
        "in a record",
        "in a row",
        "records",
        "filled",
        "real",
        "in one",
        "names",
    ],
)
@pytest.mark.slow
def test_elements_without_end_fill_no_memory(junk: bytes) -> None:
    """In a process of its own, since what libxml2 holds is not Python's."""
    xml = older().replace(b"</feedback>", junk + b"</feedback>")[: 10 * 1024 * 1024]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        octets, seconds = pool.submit(_cost, xml).result()
    assert octets < 100 * 1024 * 1024
    assert seconds < 2


def test_a_record_full_of_junk_costs_itself_only() -> None:
    full = "<record><row>" + "<r/>b" * 20_000 + "</row></record>"
    report = read_report(older(record(), full))
    assert (len(report.rows), report.unreadable) == (1, 1)


@pytest.mark.parametrize("at", [2, 4, 8, 12, 20])
def test_a_torn_lzma_archive_is_refused_in_words(at: int) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("r.xml", older())
    data, start = bytearray(packed.getvalue()), 30 + len("r.xml") + at
    data[start : start + 8] = b"\xff" * 8
    with pytest.raises(Invalid):
        unpack(bytes(data))


def _cost(xml: bytes) -> tuple[int, float]:
    """What reading takes: octets more than before, seconds of CPU."""
    with suppress(Invalid):
        read_report(older())
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with suppress(Invalid):
        read_report(xml)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (after - before) * 1024, time.process_time() - begun
