"""Test mails and scheduled times."""

from collections.abc import Callable
from email import message_from_bytes, policy

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.accounts.models import Role, Workspace
from app.audience.models import Subscriber
from app.campaigns import testsend
from app.campaigns.edit import variants_of
from app.campaigns.models import Campaign
from app.campaigns.zone import local_time, read_local, write_local
from app.core.database import db, in_workspace
from app.core.errors import Invalid, TemporaryFailure
from app.core.outside import waiting_outside
from app.mail.wire import WireMail
from tests.api.conftest import Program, make_key
from tests.factories.campaigns import add_people

Page = Callable[[str], str]


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> list[WireMail]:
    """What was handed to the transport."""
    sent: list[WireMail] = []

    def take(_workspace_id: int, mail: WireMail, _until: float = 0) -> str:
        sent.append(mail)
        return "250 2.0.0 Ok: queued"

    monkeypatch.setattr(testsend, "send_mail", take)
    return sent


def test_a_test_mail_is_what_the_person_would_get(digest: Campaign, post: list[WireMail]) -> None:
    (ann,) = add_people(None, 1, first_name="Ann")
    person = db.session.get_one(Subscriber, ann)
    answer = testsend.send_test(digest, variants_of(digest)[0], "Desk <desk@example.com>", person)
    assert answer == "250 2.0.0 Ok: queued"
    (mail,) = post
    assert mail.envelope_to == "desk@example.com"
    read = message_from_bytes(mail.data, policy=policy.default)
    assert read["Subject"] == "[Test] Ten things this week"
    assert read["From"] == "Aviary News <news@aviary.example.com>"
    text = read.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
    assert "Hello Ann" in text
    assert "http://localhost/c/" in text
    assert "https://aviary.example.com/doves" not in text


def test_the_server_s_words_reach_the_page(
    as_eve: FlaskClient, page: Page, monkeypatch: pytest.MonkeyPatch, post: list[WireMail]
) -> None:
    sent = as_eve.post(page("test"), data={"to": "a@example.com, b@example.com"}, follow_redirects=True)
    assert "250 2.0.0 Ok: queued" in sent.text
    assert len(post) == 2
    refused = as_eve.post(page("test"), data={"to": "not an address"})
    assert refused.status_code == 422
    assert "not an address" in refused.text

    def fail(_workspace_id: int, _mail: WireMail, _until: float) -> str:
        raise TemporaryFailure("The mail server said: 451 4.3.0 try later")

    monkeypatch.setattr(testsend, "send_mail", fail)
    failed = as_eve.post(page("test"), data={"to": "a@example.com"})
    assert failed.status_code == 503
    assert failed.text.count("451 4.3.0 try later") == 2, "beside the field, and on top where it is seen at once"


def test_a_test_beside_another_is_told_at_once(
    as_eve: FlaskClient, app: Flask, page: Page, digest: Campaign, post: list[WireMail], workspace: Workspace
) -> None:
    program = Program(app, make_key(workspace, Role.EDITOR))
    with in_workspace(workspace.id), waiting_outside(10):
        shown = as_eve.post(page("test"), data={"to": "a@example.com"})
        answer = program.post(f"/campaigns/{digest.id}/test", {"email": "a@example.com"})
    assert (shown.status_code, 'value="a@example.com"' in shown.text, post) == (429, True, [])
    assert "Another check is under way. Nothing was changed by this one" in shown.text
    assert (answer.status_code, answer.headers["Retry-After"], answer.json["status"]) == (429, "5", 429)


def test_at_most_ten_addresses(digest: Campaign) -> None:
    with pytest.raises(Invalid, match="10 at most"):
        testsend.split_addresses(",".join(f"p{number}@example.com" for number in range(11)))


def test_times_are_the_workspace_s(scope: Workspace) -> None:
    scope.timezone = "Europe/Brussels"
    moment = read_local("2030-07-01T09:30", scope)
    assert moment.isoformat() == "2030-07-01T07:30:00+00:00"
    assert write_local(moment, scope) == "2030-07-01T09:30"
    assert local_time(moment, scope).endswith("(Europe/Brussels)")
    with pytest.raises(Invalid, match="skip"):
        read_local("2030-03-31T02:30", scope)
    with pytest.raises(Invalid):
        read_local("soon", scope)


def test_a_test_goes_but_not_as_if_all_were_well(
    as_eve: FlaskClient, page: Page, digest: Campaign, post: list[WireMail]
) -> None:
    digest.from_email = "aviary@gmail.com"
    db.session.commit()
    shown = as_eve.post(page("test"), data={"to": "a@example.com"}, follow_redirects=True).text
    assert len(post) == 1
    assert "The test went out, but the campaign would not start" in shown
    assert "refuse the mail or take it for forged" in shown
