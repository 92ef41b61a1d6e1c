"""A word may be longer than any line: a name, an address, a subject. No page grows wider than its window."""

import uuid
from collections.abc import Iterator
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, Route

from app.accounts.models import Workspace
from app.audience.suppressions import Reason, suppress
from app.core import clock
from app.core.database import db, in_workspace
from app.messages.models import Event, IncomingMail
from app.sending.models import Transport
from app.tracking.models import Mailbox
from tests.factories.messages import Sent, sent_message
from tests.factories.webhooks import a_webhook
from tests.look.browser import chromium

pytestmark = pytest.mark.browser

WORD = "dovecote" * 37 + "dove"
ADDRESS = f"{'a' * 44}@b.example"
KEPT = ("content-type", "content-security-policy", "location")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def paths(workspace: Workspace) -> list[str]:
    """The pages that show what somebody named, where everything is named by one word of 300 letters."""
    sent = sent_message(workspace, ADDRESS)
    named, hooked = sent_message(workspace, "named@example.org"), a_webhook(workspace, "generic")
    with in_workspace(workspace.id):
        sent.person.first_name = sent.person.last_name = ""
        named.person.first_name = sent.campaign.name = sent.mailing_list.name = hooked.hook.name = WORD
        transport = Transport(name=WORD, kind="smtp", host=f"{WORD[:250]}.example", last_words=WORD, failures=1)
        mailbox = Mailbox(
            kind="imap",
            host="imap.test",
            port=993,
            security="tls",
            password_sealed=b"-",
            username=f"{WORD[:200]}@example.com",
            last_words=WORD,
            failures=1,
        )
        mail = IncomingMail(
            digest=sha256(f"{workspace.id}{WORD}".encode()).digest(),
            workspace_id=workspace.id,
            message_id=named.message.id,
            envelope_to=f"{WORD}@example.com",
            envelope_from=f"{WORD}@example.org",
            raw=f"From: {WORD}@example.org\r\nSubject: {WORD}\r\n\r\n{WORD}\r\n".encode(),
            kind="reply",
            facts={"subject": WORD, "from": f"{WORD}@example.org", "evidence": WORD},
            note=WORD,
            handled_at=clock.now(),
        )
        db.session.add_all([transport, mailbox, mail])
        suppress("old@example.org", Reason.MANUAL, evidence=WORD)
        _clicked(sent)
        sent.variant.subject = WORD
        db.session.commit()
    base, people = f"/w/{workspace.slug}", (sent.person.id, named.person.id)
    campaign = sent.campaign.id
    ends = [
        "",
        "people",
        *(f"people/{person}{end}" for person in people for end in ("", "/edit", "/erase")),
        "lists",
        f"lists/{sent.mailing_list.id}" if sent.mailing_list else "lists",
        "suppressions",
        "campaigns",
        f"campaigns/{campaign}",
        f"campaigns/{campaign}/ledger",
        "reports",
        f"reports/{campaign}",
        f"reports/{campaign}/people",
        "incoming",
        f"incoming/{mail.id}",
        f"incoming/{mail.id}/raw",
        "settings/webhooks",
        f"settings/webhooks/{hooked.hook.id}",
        "settings/sending",
        f"settings/sending/{transport.id}",
        "settings/incoming",
        f"settings/incoming/{mailbox.id}",
    ]
    return [f"{base}/{end}" for end in ends]


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_its_window(browser: Browser, as_ada: FlaskClient, paths: list[str], width: int) -> None:
    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        given = as_ada.get(f"{url.path}?{url.query}", follow_redirects=True)
        kept = {name: given.headers[name] for name in KEPT if name in given.headers}
        route.fulfill(status=given.status_code, headers=kept, body=given.data)

    context = browser.new_context(base_url="http://localhost", viewport={"width": width, "height": 800})
    context.route("**/*", answer)
    page = context.new_page()
    found, missing = {}, []
    for path in paths:
        reply = page.goto(path)
        if reply is None or reply.status != 200:
            missing.append(path)
        elif wide := _too_wide(page):
            found[path] = wide
    context.close()
    assert missing == []
    assert found == {}, "\n".join(f"{path}: {wide}" for path, wide in found.items())


def _too_wide(page: Page) -> str:
    """What reaches out of the window, though a panel may hide it; empty for nothing. Code scrolls by itself."""
    return str(
        page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll("body *:not(.code *, .visually-hidden)")]
            .filter(each => Math.max(each.getBoundingClientRect().right,
                                     each === document.documentElement ? each.scrollWidth : 0) > innerWidth)
            .filter(each => !each.closest(".visually-hidden, dialog, template, .skip"))
            .map(each => `${each.tagName.toLowerCase()}.${each.className} ${Math.round(each.scrollWidth)}`)
            .slice(0, 5).join(", ")"""
        )
    )


def _clicked(sent: Sent) -> None:
    message = sent.message
    values = {"message_id": message.id, "campaign_id": message.campaign_id, "subscriber_id": message.subscriber_id}
    sent.links[0].url = f"https://example.com/{WORD}"
    db.session.add(
        Event(
            id=uuid.uuid4(), at=clock.now(), kind="clicked", label="human", link_id=sent.links[0].id, data={}, **values
        )
    )
