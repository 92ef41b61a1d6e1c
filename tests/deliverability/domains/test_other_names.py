"""What was found out about one name is not said of another: a bounce domain, a machine's name or a key that is new."""

import pytest
from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import text

from app.core.database import db, in_workspace
from app.core.extensions import keyring, settings
from app.deliverability.domains.check import kept_at, kept_findings
from app.deliverability.domains.page import show_shared
from app.deliverability.domains.verdict import kept_verdict
from app.sending.domains.keys import keys_of
from app.sending.domains.rotation import rotate
from tests.deliverability.domains.nest import BOUNCES, NAME, Nest
from workers.deliverability import check_records

OTHER = f"back.{NAME}"
BY_BOUNCES = {"spf", "alignment", "reports", "mx-bounce", "soa-bounce", "ptr", "tls"}


def call(monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    """As after a restart with other settings."""
    monkeypatch.setitem(current_app.extensions, "merpati.settings", settings().model_copy(update=names))


def known(nest: Nest) -> set[str]:
    """The kinds of which something is known by today's names."""
    row = nest.row
    with in_workspace(nest.workspace.id):
        return set(kept_findings(row))


def without_bounces(nest: Nest) -> None:
    for kind in ("TXT", "MX"):
        nest.zone.drop(BOUNCES, kind)


def publish(nest: Nest, name: str) -> None:
    nest.zone.publish(name, "TXT", f"v=spf1 a:mail.{NAME} ~all")
    nest.zone.publish(name, "MX", f"10 mail.{NAME}.")
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", f"v=DMARC1; p=none; rua=mailto:dmarc@{name}")


def test_a_new_bounce_domain_does_not_answer_for_the_old_one(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    without_bounces(nest)
    nest.check()
    assert nest.blocks() == ["no-bounce-domain"]
    publish(nest, OTHER)
    call(monkeypatch, bounce_domain=OTHER)
    assert nest.verdict() == []


def test_nor_is_it_blocked_while_dns_is_silent(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    without_bounces(nest)
    nest.check()
    nest.zone.is_silent = True
    call(monkeypatch, bounce_domain=OTHER)
    assert nest.blocks() == []
    assert "no-bounce-domain" not in [reason.code for reason in nest.verdict()]
    row = nest.row
    with in_workspace(nest.workspace.id):
        assert [reason.code for reason in kept_verdict(row)] == []


def test_nor_is_the_new_one_well_because_the_old_one_was(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    nest.check()
    assert nest.verdict() == []
    call(monkeypatch, bounce_domain=OTHER)
    [reason] = [reason for reason in nest.verdict() if reason.is_blocking]
    assert reason.code == "no-bounce-domain"
    assert OTHER in reason.message


def test_the_page_says_nothing_of_a_name_that_nobody_asked_about(
    as_ada: FlaskClient, nest: Nest, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_bounces(nest)
    nest.check()
    place = f"/w/{nest.workspace.slug}/settings/domains"
    assert f"{BOUNCES} does not exist" in as_ada.get(place).text
    call(monkeypatch, bounce_domain=OTHER)
    shown = as_ada.get(place).text
    assert OTHER in shown
    assert f"{BOUNCES} does not exist" not in shown
    row = nest.row
    with in_workspace(nest.workspace.id):
        shared = show_shared([row])
    assert shared is not None
    assert {check.state for check in shared.checks} == {""}


def test_the_next_look_comes_soon_and_once(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    # Those of other tests are due as well.
    db.session.execute(text("DELETE FROM sending_domains WHERE id <> :id"), {"id": nest.id})
    db.session.commit()
    nest.check()
    publish(nest, OTHER)
    for names in ({"bounce_domain": OTHER}, {"mail_domain": f"mx.{NAME}"}):
        call(monkeypatch, **names)
        assert known(nest) >= {"dmarc", "mx", "soa", "dkim"}
        assert "tls" not in known(nest)
        check_records()
        assert known(nest) >= BY_BOUNCES
        asked = len(nest.zone.asked)
        check_records()
        assert len(nest.zone.asked) == asked
    assert nest.verdict() == []


def test_a_silent_look_at_new_names_is_tried_again_within_the_hour(nest: Nest, monkeypatch: pytest.MonkeyPatch) -> None:
    nest.check()
    nest.zone.is_silent = True
    call(monkeypatch, bounce_domain=OTHER)
    nest.check()
    assert kept_at(nest.row) == 0


def test_a_key_that_signs_anew_was_not_asked_about(nest: Nest) -> None:
    db.session.execute(text("DELETE FROM sending_domains WHERE id <> :id"), {"id": nest.id})
    nest.check()
    assert known(nest) >= {"dkim", "alignment"}
    with in_workspace(nest.workspace.id):
        active = next(key.id for key in keys_of(nest.row) if key.state == "active")
        rotate(keyring(), nest.id, active)
        db.session.commit()
    assert "dkim" not in known(nest)
    assert "alignment" in known(nest)
    check_records()
    assert "dkim" in known(nest)
