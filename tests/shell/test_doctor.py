"""The doctor tells what waits for a person, with the cure, and where the demo's house is."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from app.accounts.models import Workspace
from app.core import clock
from app.core.database import db
from app.core.settings import Settings
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


def test_beside_a_demo_it_says_where_that_is(settings: Settings, tmp_path: Path) -> None:
    house = settings.model_copy(update={"home": tmp_path})
    assert doctor._where_the_demo_is(house) == ""
    (tmp_path / "demo").mkdir()
    assert f"MERPATI_HOME={tmp_path / 'demo'}" in doctor._where_the_demo_is(house)
