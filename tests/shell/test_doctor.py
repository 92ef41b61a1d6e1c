"""The doctor tells what waits for a person, with the cure, and where the demo's house is."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db
from app.core.settings import Settings, load_settings
from app.runtime.services import Services
from app.sending.models import Transport
from app.shell import doctor
from app.tracking.models import Incident, Mailbox


def lines(look: Callable[[Services], Iterator[doctor.Finding]], settings: Settings, workspace: Workspace) -> list[str]:
    """What is said of that workspace."""
    found = look(Services(settings.database_url, settings.redis_url))
    return [one.line() for one in found if one.text.startswith(f"{workspace.name}:")]


def test_a_transport_that_is_set_aside(settings: Settings, scope: Workspace) -> None:
    until = clock.now() + timedelta(minutes=4)
    for name, on, aside in (("Relay A", True, until), ("Relay B", True, None), ("Relay C", False, until)):
        db.session.add(Transport(name=name, kind="smtp", is_enabled=on, open_until=aside, last_words="535 no"))
    db.session.commit()
    (line,) = lines(doctor._set_aside, settings, scope)
    assert line.startswith("warn  ways out: ")
    assert "“Relay A” is set aside" in line
    assert "535 no → Mend what it says" in line


def test_a_mailbox_that_fails(settings: Settings, scope: Workspace) -> None:
    for user, failures in (("bounces@imap.test", 3), ("replies@imap.test", 0)):
        box = Mailbox(kind="imap", host="imap.test", port=993, security="tls", username=user, password_sealed=b"-")
        box.failures, box.last_words = failures, "The password was refused."
        db.session.add(box)
    db.session.commit()
    (line,) = lines(doctor._mailboxes, settings, scope)
    assert "bounces@imap.test at imap.test failed 3 times in a row. The password was refused." in line
    assert "Settings, Mailboxes and replies" in line


def test_an_incident_nobody_decided(settings: Settings, scope: Workspace) -> None:
    for kind, decision in (("burst", ""), ("burst", "believed"), ("blocked", "")):
        db.session.add(Incident(kind=kind, decision=decision))
    db.session.commit()
    (line,) = lines(doctor._incidents, settings, scope)
    assert "1 waits for an owner's decision" in line
    assert line.endswith("→ Decide under Deliverability, Incidents.")


def test_a_file_that_answers_for_dns_has_to_be_there(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "mx"
    house = settings.model_copy(update={"mx_map": path})
    assert list(doctor._mx_map(settings)) == []
    for content in (None, b"one.example\n", b"\xff\xfe"):
        if content is not None:
            path.write_bytes(content)
        (found,) = doctor._mx_map(house)
        assert found.line().startswith("WRONG mail servers of others: ")
        assert str(path) in found.text
        assert "unset MERPATI_MX_MAP" in found.cure
    path.write_text("one.example mx.one.example\n")
    (found,) = doctor._mx_map(house)
    assert found.line().startswith(f"warn  mail servers of others: {path} answers for 1 domains")


def test_names_that_cannot_be_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERPATI_BOUNCE_DOMAIN", "https://bounces.garden.test")
    load_settings.cache_clear()
    try:
        (found,) = doctor.examine()
    finally:
        load_settings.cache_clear()
    assert not found.ok
    assert "MERPATI_BOUNCE_DOMAIN: write the name of a host alone, such as bounces.garden.test" in found.text


def test_beside_a_demo_it_says_where_that_is(settings: Settings, tmp_path: Path) -> None:
    house = settings.model_copy(update={"home": tmp_path})
    assert doctor._where_the_demo_is(house) == ""
    (tmp_path / "demo").mkdir()
    assert f"MERPATI_HOME={tmp_path / 'demo'}" in doctor._where_the_demo_is(house)
