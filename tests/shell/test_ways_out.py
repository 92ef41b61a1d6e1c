"""What is said of the ways out: at a start, and by the doctor."""

import pytest

from app.accounts.models import Workspace
from app.core.database import db
from app.core.settings import EXAMPLE_BOUNCE_DOMAIN, EXAMPLE_MAIL_DOMAIN, Settings
from app.runtime.services import Services
from app.sending.models import Transport
from app.shell.doctor import _names
from app.shell.ways_out import WaysOut, ways_out, words_at_start

PAGE = "http://127.0.0.1:8028/."


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        (WaysOut(True, 0, 0, 1), "Mail is caught, not delivered"),
        (WaysOut(True, 1, 1, 0), "Nothing goes to the mail catcher"),
        (WaysOut(True, 3, 2, 1), "3 transports are set under Settings, Sending, in 2 workspaces"),
        (WaysOut(True, 3, 2, 1), "Mail of 1 workspace without one is caught"),
        (WaysOut(False), "no mail goes to it"),
    ],
)
def test_a_start_says_what_is_true(ways: WaysOut, words: str) -> None:
    said = words_at_start(ways, PAGE)
    assert words in said
    assert ("not delivered" in said) == (ways.caught and not ways.transports)


def test_transports_are_counted(settings: Settings, scope: Workspace) -> None:
    before = ways_out(settings)
    for name, on in (("relay", True), ("old relay", False)):
        db.session.add(Transport(name=name, kind="smtp", host="relay.example.com", port=587, is_enabled=on))
    db.session.commit()
    after = ways_out(settings)
    assert after.transports == before.transports + 1
    assert after.workspaces == before.workspaces + 1
    assert after.without == before.without - 1
    assert after.mail_leaves


def test_the_doctor_does_not_take_others_names_for_well(settings: Settings, scope: Workspace) -> None:
    unset = settings.model_copy(
        update={
            "mail_domain": EXAMPLE_MAIL_DOMAIN,
            "bounce_domain": EXAMPLE_BOUNCE_DOMAIN,
            "smtp_url": "smtps://relay.test",
        }
    )
    urls = Services(settings.database_url, settings.redis_url)
    found = list(_names(unset, urls))
    assert [one.ok for one in found] == [False, False]
    assert "Set MERPATI_MAIL_DOMAIN to a name of yours" in found[0].cure
    ours = unset.model_copy(update={"mail_domain": "mx.kopi.test", "bounce_domain": "bounces.kopi.test"})
    assert [one.ok for one in _names(ours, urls)] == [True]
