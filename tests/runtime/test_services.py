"""The embedded servers, for real: start, reuse, every kind of leftover."""

import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from app.core.errors import SettingsError, Unavailable
from app.core.settings import Settings
from app.runtime.binaries import _postgres_on_machine
from app.runtime.locks import is_locked
from app.runtime.services import RunningServices, Services, embedded_urls, ensure_services, services
from tests.runtime.conftest import FAST, make_settings

pytestmark = pytest.mark.slow

HOLD = """
import sys, time
from pathlib import Path
from app.core.settings import Settings
from app.runtime.services import ensure_services
from tests.runtime.conftest import FAST, make_settings
found = ensure_services(make_settings(Path(sys.argv[1])), postgres=FAST)
print(*(running.pid for running in found.running), flush=True)
time.sleep(60)
"""


@pytest.fixture
def started(prepared: Settings) -> Iterator[RunningServices]:
    found = ensure_services(prepared, postgres=FAST)
    yield found
    found.stop()


def test_first_start_gives_a_database_and_a_queue_that_keep_what_they_got(prepared: Settings) -> None:
    with services(prepared, postgres=FAST) as found:
        assert found == embedded_urls(prepared)
        with psycopg.connect(found.database_url) as connection:
            connection.execute("CREATE TABLE doves (name text)")
            connection.execute("INSERT INTO doves VALUES ('ada')")
        assert ask_valkey(found, "SET dove ada") == "+OK"
    assert not answers(found)
    with services(prepared, postgres=FAST) as found:
        with psycopg.connect(found.database_url) as connection:
            assert connection.execute("SELECT name FROM doves").fetchone() == ("ada",)
        assert ask_valkey(found, "GET dove") == "$3"


def test_database_speaks_utf8_and_is_durable_unless_told_otherwise(started: RunningServices) -> None:
    with psycopg.connect(started.services.database_url) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SELECT lower('ÄDA'), current_user, current_database()").fetchone() == (
            "äda",
            "merpati",
            "merpati",
        )
        assert connection.execute("SHOW fsync").fetchone() == ("off",)
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
        assert connection.execute("SHOW max_connections").fetchone() == ("20",)


def test_only_we_may_enter_and_nothing_listens_on_tcp(prepared: Settings, started: RunningServices) -> None:
    sockets = prepared.root / "run"
    for path in (sockets, prepared.root / "postgres/data", prepared.root / "valkey/data"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((sockets / "valkey.sock").stat().st_mode) == 0o700
    assert stat.S_IMODE((sockets / ".s.PGSQL.5432").stat().st_mode) == 0o700
    assert ask_valkey(started.services, "CONFIG GET port").startswith("*2")
    with psycopg.connect(started.services.database_url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands over to another user")
def test_root_hands_over_to_nobody(prepared: Settings, started: RunningServices) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    for running in started.running:
        assert Path(f"/proc/{running.pid}").stat().st_uid == nobody
    assert (prepared.root / "postgres").stat().st_uid == 0
    assert (prepared.root / "postgres/data").stat().st_uid == nobody


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands over to another user")
def test_data_moves_where_nobody_can_walk_and_stays_there(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = home.parent / "lib"
    monkeypatch.setattr("app.runtime.places._ELSEWHERE", elsewhere)
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    moving = make_settings(closed / "var")
    with services(moving, postgres=FAST) as found:
        assert answers(found)
        assert str(elsewhere) in found.database_url.replace("%2F", "/")
        assert str(elsewhere) in capsys.readouterr().err
    closed.chmod(0o755)
    assert embedded_urls(moving) == found


def test_second_start_finds_the_first_and_leaves_it_running(prepared: Settings, started: RunningServices) -> None:
    pids = [running.pid for running in started.running]
    second = ensure_services(prepared, postgres=FAST)
    assert [running.pid for running in second.running] == pids
    second.stop()
    assert answers(started.services)


def test_two_starts_at_once_make_one_server_each(prepared: Settings) -> None:
    helpers = [hold(prepared), hold(prepared)]
    pids = [read_pids(helper) for helper in helpers]
    assert pids[0] == pids[1]
    for helper in helpers:
        end(helper, signal.SIGKILL)
    wait_until(lambda: not_left(prepared))


def test_nothing_outlives_a_killed_parent_and_the_next_start_works(prepared: Settings) -> None:
    helper = hold(prepared)
    pids = read_pids(helper)
    end(helper, signal.SIGKILL)
    with services(prepared, postgres=FAST) as found:
        assert answers(found)
    wait_until(lambda: not any(map(is_running, pids)))


def test_servers_of_another_process_are_started_again_when_it_ends(prepared: Settings) -> None:
    helper = hold(prepared)
    read_pids(helper)
    ours = ensure_services(prepared, postgres=FAST)
    end(helper, signal.SIGKILL)
    wait_until(lambda: not_left(prepared))
    ours.revive()
    assert answers(ours.services)
    ours.stop()
    assert not answers(ours.services)


def test_all_killed_at_once_is_no_obstacle(prepared: Settings) -> None:
    helper = hold(prepared)
    for pid in read_pids(helper):
        os.kill(pid, signal.SIGKILL)
    end(helper, signal.SIGKILL)
    with services(prepared, postgres=FAST) as found:
        assert answers(found)


def test_a_killed_server_is_replaced_in_spite_of_what_it_left(prepared: Settings) -> None:
    first = ensure_services(prepared, postgres=FAST)
    for running in first.running:
        os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: not_left(prepared))
    assert (prepared.root / "run/valkey.sock").exists()
    assert (prepared.root / "postgres/data/postmaster.pid").exists()
    first.revive()
    assert answers(first.services)
    first.stop()
    assert not answers(first.services)


def test_whoever_must_not_start_it_does_not_keep_its_owner_from_it(
    prepared: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runtime.server._PATIENCE", 0.2)
    owner, guest = ensure_services(prepared, postgres=FAST), ensure_services(prepared, postgres=FAST)
    for running in owner.running:
        os.kill(running.pid, signal.SIGKILL)
    wait_until(lambda: not_left(prepared))
    with pytest.raises(Unavailable, match="Another process holds"):
        guest.revive()
    owner.revive()
    assert answers(owner.services)
    guest.revive()
    owner.stop()


def test_pid_file_that_names_a_stranger_is_no_obstacle(prepared: Settings) -> None:
    with services(prepared, postgres=FAST):
        pass
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None
    stranger = subprocess.Popen(["sleep", "60"], user=user)
    file = prepared.root / "postgres/data/postmaster.pid"
    file.write_text(f"{stranger.pid}\n{prepared.root}/postgres/data\n1700000000\n5432\n\n\n")
    try:
        with services(prepared, postgres=FAST) as found:
            assert answers(found)
    finally:
        end(stranger, signal.SIGKILL)


def test_interrupted_first_start_is_taken_up_again(settings: Settings) -> None:
    unfinished = settings.root / "postgres" / "data.part"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    for directory in (settings.root, unfinished.parent):
        directory.chmod(0o755)
    with services(settings, postgres=FAST) as found:
        assert answers(found)
    assert not unfinished.exists()


def test_long_path_gets_a_short_one_for_the_sockets(home: Path) -> None:
    settings = make_settings(home / ("a-long-way-from-home-" * 5))
    (home).mkdir(mode=0o755)
    with services(settings, postgres=FAST) as found:
        assert answers(found)
        assert embedded_urls(settings) == found
        assert len(found.redis_url) < 60
        sockets = Path(found.redis_url.removeprefix("unix://")).parent
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    sockets.rmdir()
    with services(settings, postgres=FAST) as again:  # as after a reboot, which empties /run
        assert again == found
    sockets.rmdir()


def test_data_of_another_version_is_left_alone(prepared: Settings) -> None:
    with services(prepared, postgres=FAST):
        pass
    version = prepared.root / "postgres/data/PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(SettingsError, match="made by PostgreSQL 14"):
        ensure_services(prepared, postgres=FAST)
    version.write_text("18\n")


def test_server_that_refuses_to_start_is_quoted(prepared: Settings) -> None:
    with services(prepared, postgres=FAST):
        pass
    with pytest.raises(Unavailable, match="no_such_setting"):
        ensure_services(prepared, postgres={"no_such_setting": "1"})
    with services(prepared, postgres=FAST) as found:
        assert answers(found)


@pytest.mark.skipif(_postgres_on_machine() is None, reason="this machine has no PostgreSQL of its own")
def test_without_the_wheel_the_machine_s_own_server_is_started(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runtime.binaries._POSTGRES_WHEEL", "no_such_package")
    with services(settings, postgres=FAST) as found, psycopg.connect(found.database_url) as connection:
        assert connection.execute("SELECT lower('ADA')").fetchone() == ("ada",)


def test_without_any_server_the_error_says_what_to_install(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runtime.binaries._POSTGRES_WHEEL", "no_such_package")
    monkeypatch.setattr("app.runtime.binaries._POSTGRES_FOLDERS", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SettingsError, match=r"apt-get install postgresql.*DATABASE_URL"):
        ensure_services(settings)


def test_urls_in_the_settings_win_and_start_nothing(home: Path) -> None:
    given = Settings(
        _env_file=None,  # type: ignore[call-arg]
        home=home,
        database_url="postgres://ada@db.example.com/merpati",
        redis_url="redis://queue.example.com/0",
    )
    with services(given) as found:
        assert found == Services("postgresql://ada@db.example.com/merpati", "redis://queue.example.com/0")
    assert not home.exists()


def ask_valkey(found: Services, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(found.redis_url.removeprefix("unix://"))
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(1000).decode().split("\r\n")[0]


def answers(found: Services) -> bool:
    try:
        psycopg.connect(found.database_url).close()
        return ask_valkey(found, "PING") == "+PONG"
    except (OSError, psycopg.OperationalError):
        return False


def not_left(settings: Settings) -> bool:
    return not any(is_locked(settings.root / name / "alive.lock") for name in ("postgres", "valkey"))


def is_running(pid: int) -> bool:
    """Not so for one that has ended and only waits to be buried."""
    asked = subprocess.run(["ps", "-p", str(pid), "-o", "stat="], capture_output=True, text=True, check=False)
    return asked.stdout.strip()[:1] not in ("", "Z")


def hold(settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLD, str(settings.root)], stdout=subprocess.PIPE, text=True)


def read_pids(helper: subprocess.Popen[str]) -> list[int]:
    assert helper.stdout is not None
    return [int(word) for word in helper.stdout.readline().split()]


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes], number: signal.Signals) -> None:
    process.send_signal(number)
    process.communicate()


def wait_until(is_so: Callable[[], bool], seconds: float = 10) -> None:
    pause = threading.Event()
    limit = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < limit, "waited too long"
        pause.wait(0.02)
