"""Where the embedded servers keep their files and sockets, and as whom they run.

Usually all of it is under the home directory. Two things can force a part of it elsewhere, which `places.json` in the
home remembers: PostgreSQL refuses to run as root, and the user it runs as instead may be unable to walk to the home
(say, under `/root`); and a unix socket's path may be too long for the kernel.
"""

import hashlib
import json
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import SettingsError
from app.core.settings import Settings

SOCKET_PATH_LIMIT = 103
"""Bytes in a unix socket's path: macOS allows 103, Linux 107."""

_LONGEST_SOCKET = "/.s.PGSQL.5432"
_ELSEWHERE = Path("/var/lib/merpati")


@dataclass(frozen=True)
class ServerUser:
    """The unprivileged user that the servers run as when Merpati itself runs as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Places:
    """The directories of one home; `user` is None when the servers run as the person who starts them."""

    home: Path
    servers: Path
    sockets: Path
    user: ServerUser | None

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def moved(self) -> bool:
        """Whether the data could not stay under the home directory."""
        return self.servers != self.home


def find_places(settings: Settings) -> Places:
    """The places of this home, without touching anything. Raises SettingsError for a home that cannot be used."""
    home = settings.root
    memory = _remembered(home)
    servers = Path(memory["servers"]) if "servers" in memory else _choose_servers(home)
    sockets = Path(memory["sockets"]) if "sockets" in memory else _choose_sockets(home, servers)
    return Places(home, servers, sockets, _server_user(servers))


def prepare_places(settings: Settings) -> Places:
    """Make the directories and remember the unusual ones."""
    make_home(settings.root)
    places = find_places(settings)
    places.logs.mkdir(mode=0o700, exist_ok=True)
    places.servers.mkdir(parents=True, exist_ok=True)
    if places.moved:
        for directory in (places.servers.parent, places.servers):
            directory.chmod(0o711)
    make_private(places.sockets, places.user)
    _remember(places)
    return places


def make_home(home: Path) -> None:
    """The home directory. Root's can be walked by others, whatever the umask, as its servers run as another user."""
    for directory in reversed((home, *home.parents)):
        if not directory.exists():
            directory.mkdir(exist_ok=True)
            directory.chmod(0o711 if os.geteuid() == 0 else 0o700)


def make_private(directory: Path, user: ServerUser | None) -> None:
    """A directory that only the servers' user (and root) may enter. Raises SettingsError if it is someone else's."""
    owner = user.uid if user else os.geteuid()
    if not directory.exists():
        directory.mkdir(mode=0o700)
        if user:
            os.chown(directory, user.uid, user.gid)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        raise SettingsError(
            f"{directory} belongs to {_user_name(found.st_uid)}, but the embedded servers would run as "
            f"{_user_name(owner)}. Nothing was changed. Start Merpati as the user who started it before, or choose "
            "another MERPATI_HOME."
        )
    directory.chmod(0o700)


def _remembered(home: Path) -> dict[str, str]:
    file = home / "places.json"
    try:
        memory: dict[str, str] = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise SettingsError(f"{file} is damaged. It names where the data of this home is: restore it.") from error
    if memory.get("home") == str(home):
        return memory
    if "servers" in memory and Path(memory["home"], "places.json").exists():
        raise SettingsError(
            f"{home} is a copy of {memory['home']}, and both would use the database in {memory['servers']}. "
            f"Nothing was changed. Delete {file} to start this one with an empty database."
        )
    memory.pop("sockets", None)
    return memory


def _choose_servers(home: Path) -> Path:
    user = _server_user(home)
    if user is None or _can_walk(user, _nearest_existing(home)):
        return home
    if (home / "postgres").exists():
        raise SettingsError(
            f"The database is in {home / 'postgres'}, but the user {user.name}, who runs it, can no longer walk there. "
            f"Nothing was changed. Give every directory above it the permission to pass (chmod o+x)."
        )
    return _ELSEWHERE / _short_name(home)


def _choose_sockets(home: Path, servers: Path) -> Path:
    usual = servers / "run"
    if len(os.fsencode(f"{usual}{_LONGEST_SOCKET}")) <= SOCKET_PATH_LIMIT:
        return usual
    base = Path("/run") if os.geteuid() == 0 and Path("/run").is_dir() else Path("/tmp")  # noqa: S108
    return base / f"merpati-{os.geteuid()}-{_short_name(home)}"


def _server_user(servers: Path) -> ServerUser | None:
    """Root hands over to the owner of data that exists already, else to `nobody`."""
    if os.geteuid() != 0:
        return None
    data = servers / "postgres" / "data"
    try:
        owner = data.stat().st_uid if data.exists() else 0
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError:
        raise SettingsError(
            "PostgreSQL refuses to run as root, and this machine has no user `nobody` to run it as. "
            "Start Merpati as an ordinary user, or set DATABASE_URL and REDIS_URL."
        ) from None
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _can_walk(user: ServerUser, directory: Path) -> bool:
    """Asked of the kernel, since access lists and network file systems know more than mode bits tell."""
    asked = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1"', "sh", str(directory)],
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return asked.returncode == 0


def _nearest_existing(directory: Path) -> Path:
    return next(path for path in (directory, *directory.parents) if path.exists())


def _short_name(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:10]


def _remember(places: Places) -> None:
    memory = {"home": str(places.home)}
    if places.moved:
        memory["servers"] = str(places.servers)
    if places.sockets != places.servers / "run":
        memory["sockets"] = str(places.sockets)
    file = places.home / "places.json"
    text = json.dumps(memory, indent=1)
    if len(memory) == 1:
        file.unlink(missing_ok=True)
    elif not file.exists() or file.read_text() != text:
        fresh = file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(file)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
