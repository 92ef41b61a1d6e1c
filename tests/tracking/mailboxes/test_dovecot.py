"""The same visits to a real server, where there is one: Dovecot, started by the test with a configuration of its own.

The protocol is proved by the servers of test_imap.py and test_pop3.py, which run everywhere; this is a cross-check.
"""

import getpass
import grp
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.factories.messages import Sent
from tests.tracking.mailboxes.conftest import MakeMailbox, mail
from tests.tracking.test_mail_intake import dsn

DOVECOT = shutil.which("dovecot") or (shutil.which("/usr/sbin/dovecot") or "")
pytestmark = pytest.mark.skipif(not DOVECOT, reason="an optional cross-check: Dovecot is not installed here")

PASSWORD = 'pass word with "quotes" and ünicode'

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
disable_plaintext_auth = yes
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail
default_login_user = {login}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 0
first_valid_gid = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/passwd
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running server."""

    folder: Path
    ports: dict[str, int]

    def deliver(self, *mails: bytes) -> None:
        inbox = self.folder / "mail"
        for each in mails:
            name = f"{time.time_ns()}.M1P1.localhost"
            (inbox / "tmp" / name).write_bytes(each.replace(b"\r\n", b"\n"))
            (inbox / "tmp" / name).rename(inbox / "new" / name)

    def subjects(self, folder: str = "") -> list[str]:
        """The mails of a maildir folder, read from its files."""
        place = self.folder / "mail" / (f".{folder}" if folder else "")
        files = [path for part in ("new", "cur") if (place / part).exists() for path in (place / part).iterdir()]
        return sorted(path.read_text().partition("\nSubject: ")[2].partition("\n")[0] for path in files)


@pytest.fixture
def dovecot(tmp_path: Path, certificate: ssl.SSLContext) -> Iterator[Dovecot]:
    # Sockets have short names only, and the server's processes must be able to walk to them.
    folder = Path("/tmp") / f"dc-{os.getpid()}-{time.time_ns() % 10**6}"
    for part in ("", "run", "state", "mail", "mail/new", "mail/cur", "mail/tmp"):
        (folder / part).mkdir(mode=0o755)
    (folder / "passwd").write_text(f"bounces@example.com:{{PLAIN}}{PASSWORD}\n")
    pem = tmp_path / "nest.pem"
    ports = {name: _free_port() for name in ("imap", "imaps", "pop3", "pop3s")}
    names = _users()
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, names["user"], names["group"])
    (folder / "dovecot.conf").write_text(CONFIG.format(folder=folder, certificate=pem, **names, **ports))
    server = subprocess.Popen(
        [DOVECOT, "-F", "-c", str(folder / "dovecot.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _wait_for(server, ports["pop3s"], folder)
        yield Dovecot(folder, ports)
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(("port", "security"), [("imap", "starttls"), ("imaps", "tls")])
@pytest.mark.slow
def test_imap(dovecot: Dovecot, a_mailbox: MakeMailbox, sent: Sent, port: str, security: str) -> None:
    dovecot.deliver(dsn(sent.mail_token), mail("riddle", body="Grüße, sans mot de passe\n"))
    box = a_mailbox(
        dovecot.ports[port], PASSWORD, host="localhost", security=security, done_folder="Merpati Erledigt & Gelöscht"
    )
    row = box.visit()
    assert (row.last_words, len(box.stored)) == ("", 2)
    row = box.visit_after_intake()
    assert (row.last_words, sent.now().state) == ("", "bounced")
    assert dovecot.subjects() == ["riddle"]
    [done] = [path.name for path in (dovecot.folder / "mail").iterdir() if path.name.startswith(".Merpati")]
    assert dovecot.subjects(done.removeprefix(".")) == ["Undelivered Mail Returned to Sender"]
    assert not list((dovecot.folder / "mail" / "cur").glob("*:2,*S*")), "what was only looked at is not marked as seen"


@pytest.mark.parametrize(("port", "security"), [("pop3", "starttls"), ("pop3s", "tls")])
@pytest.mark.slow
def test_pop3(dovecot: Dovecot, a_mailbox: MakeMailbox, sent: Sent, port: str, security: str) -> None:
    dovecot.deliver(dsn(sent.mail_token), mail("riddle", body=f".dot\n..dots\n{'long ' * 2000}\n"))
    box = a_mailbox(dovecot.ports[port], PASSWORD, kind="pop3", host="localhost", security=security)
    box.visit()
    assert dovecot.subjects() == ["Undelivered Mail Returned to Sender", "riddle"]
    assert b"\r\n.dot\r\n..dots\r\nlong long" in box.stored[1].raw
    row = box.visit_after_intake()
    assert (row.last_words, dovecot.subjects()) == ("", ["riddle"])


@pytest.mark.parametrize(("kind", "port"), [("imap", "imaps"), ("pop3", "pop3s")])
@pytest.mark.slow
def test_a_wrong_password(dovecot: Dovecot, a_mailbox: MakeMailbox, kind: str, port: str) -> None:
    box = a_mailbox(dovecot.ports[port], "wrong", kind=kind, host="localhost", security="tls")
    row = box.visit()
    assert "refuses the user name or the password" in row.last_words
    assert row.progress["refused"] is True


def _users() -> dict[str, str]:
    """Who the server's processes run as: the accounts made for that where root starts it, else the tester."""
    if os.getuid() == 0:
        return {"user": "dovecot", "group": "dovecot", "login": "dovenull"}
    user = getpass.getuser()
    return {"user": user, "group": grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name, "login": user}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(server: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    log = (folder / "log").read_text() if (folder / "log").exists() else ""
    pytest.fail(f"Dovecot did not start: {server.communicate()[1].decode() if server.poll() is not None else log}")
