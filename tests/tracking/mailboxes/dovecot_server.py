"""Dovecot, where it is installed: started by a test with a configuration of its own, its folders read as files."""

import getpass
import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

DOVECOT = shutil.which("dovecot") or (shutil.which("/usr/sbin/dovecot") or "")
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
auth_mechanisms = plain login xoauth2 oauthbearer
mail_location = maildir:{folder}/mail
default_login_user = {login}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 0
first_valid_gid = 0
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
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
mail_plugins = quota
plugin {{
  quota = count:all
  quota_vsizes = yes
  quota_rule = *:storage=500M
  quota_rule2 = Full:messages=0
  quota_rule3 = Full:storage=1B
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


@contextmanager
def running_dovecot(pem: Path, token_url: str) -> Iterator[Dovecot]:
    """A server that asks the provider of tokens whose a token is."""
    # Sockets have short names only, and the server's processes must be able to walk to them.
    folder = Path("/tmp") / f"dc-{os.getpid()}-{time.time_ns() % 10**6}"
    for part in ("", "run", "state", "mail", "mail/new", "mail/cur", "mail/tmp"):
        (folder / part).mkdir(mode=0o755)
    (folder / "oauth2.conf").write_text(f"tokeninfo_url = {token_url}?access_token=\nusername_attribute = email\n")
    (folder / "passwd").write_text(f"bounces@example.com:{{PLAIN}}{PASSWORD}\n")
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
