"""The secret key and the look for a free port."""

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from app.core.errors import SettingsError
from app.core.settings import Settings
from app.core.tokens import Keyring
from app.runtime.ports import check_port_free
from app.runtime.secret import ensure_secret_key
from tests.runtime.conftest import make_settings


def test_key_is_made_once_and_only_we_can_read_it(settings: Settings) -> None:
    key = ensure_secret_key(settings)
    assert ensure_secret_key(settings) == key
    assert stat.S_IMODE((settings.root / "secret_key").stat().st_mode) == 0o600
    Keyring(key)


def test_starts_at_once_agree_on_a_key(settings: Settings) -> None:
    keys: list[str] = []
    starts = [threading.Thread(target=lambda: keys.append(ensure_secret_key(settings))) for _ in range(8)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_key_in_the_settings_wins(home: Path) -> None:
    assert ensure_secret_key(Settings(home=home, secret_key="x" * 40)) == "x" * 40
    assert not home.exists()


def test_damaged_key_stops_the_start_and_is_kept(settings: Settings) -> None:
    settings.root.mkdir()
    (settings.root / "secret_key").write_text("short\n")
    with pytest.raises(SettingsError, match="Restore it"):
        ensure_secret_key(settings)
    assert (settings.root / "secret_key").read_text() == "short\n"


def test_port_in_use_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(SettingsError) as told:
            check_port_free(address, what="web server", setting="MERPATI_BIND")
    assert str(told.value) == (
        f"The web server cannot listen on {address}: another program uses this port. "
        "Stop that program, or set MERPATI_BIND."
    )
    check_port_free(address, what="web server", setting="MERPATI_BIND")


def test_port_of_a_closed_connection_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        accepted.close()  # the server's side closes first and lingers in TIME_WAIT
        client.close()
    check_port_free(address, what="web server", setting="MERPATI_BIND")


@pytest.mark.parametrize("address", ["192.0.2.1:8025", "nowhere.invalid:8025"])
def test_address_of_another_machine_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="does not have that address"):
        check_port_free(address, what="web server", setting="MERPATI_BIND")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another user")
def test_home_of_root_can_be_walked_under_any_umask(home: Path) -> None:
    before = os.umask(0o077)
    try:
        ensure_secret_key(make_settings(home / "deep" / "var"))
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (home, home / "deep", home / "deep" / "var")] == [0o711] * 3
