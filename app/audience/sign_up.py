"""Signing up by a public form, with a mail to confirm, so that nobody is put on a list by somebody else.

What a visitor is told never depends on whether the address is known: that would tell who subscribes to what.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.audience.addresses import normalise
from app.audience.models import ConsentEvent, MailingList, Subscriber, Subscription
from app.audience.subscribers import find_subscriber, save_subscriber
from app.audience.subscriptions import CONFIRMED, PENDING, subscribe
from app.audience.suppressions import Reason, is_suppressed
from app.core import clock
from app.core.database import db, every_workspace
from app.core.errors import Invalid, NotFound

VALID_DAYS = 7
MOST_A_DAY = 3
"""Confirmation mails to one address for one list: a form must not be a way to flood somebody's mailbox."""

_NO_NAME = re.compile(r"[:/\\@<>]|www\.|\w\.\w{2}", re.IGNORECASE)
"""Marks of an address in a name: the name stands in the mail we send, which must not carry somebody's advertisement."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a visitor sent, and the words they agreed to."""

    email: str
    first_name: str
    wording: str
    form: str
    ip: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A subscription with everything around it that a mail or a page about it needs."""

    subscription: Subscription
    person: Subscriber
    mailing_list: MailingList
    workspace: Workspace

    @property
    def is_done(self) -> bool:
        return self.subscription.state == CONFIRMED

    @property
    def is_waiting(self) -> bool:
        """Whether saying yes still counts."""
        return self.subscription.state == PENDING and _requests(self.person, self.mailing_list.id, VALID_DAYS) > 0

    @property
    def may_be_asked(self) -> bool:
        """Whether to send the mail: not to people who are on the list, nor against the operator's decision."""
        manual = {Reason.MANUAL}
        return self.is_waiting and not is_suppressed(self.person, self.mailing_list.id, reasons=manual)


def open_list(public_id: str) -> tuple[MailingList, Workspace]:
    """The list that takes sign-ups under this public id, in any workspace. Raises NotFound."""
    with every_workspace():
        row = db.session.execute(
            select(MailingList, Workspace)
            .join(Workspace, Workspace.id == MailingList.workspace_id)
            .where(
                MailingList.public_id == public_id, MailingList.is_public.is_(True), MailingList.archived_at.is_(None)
            )
        ).one_or_none()
    if row is None:
        raise NotFound("There is no sign-up form at this address.")
    return row[0], row[1]


def sign_up(mailing_list: MailingList, request: Request) -> int | None:
    """Note the wish and return the subscription to confirm; None when enough mails went out today already.

    Nothing a stranger types changes a person who is known. Needs the list's workspace in scope. Raises Invalid.
    """
    address = normalise(request.email)
    if _NO_NAME.search(request.first_name):
        raise Invalid("Write a name here, without addresses or signs like / and @.", field="first_name")
    person = find_subscriber(address.email)
    if person is None:
        person, _ = save_subscriber(address.email, first_name=request.first_name, source="form")
    if _requests(person, mailing_list.id, 1) >= MOST_A_DAY:
        return None
    subscription = subscribe(
        person,
        mailing_list,
        PENDING,
        source="form",
        wording=request.wording,
        ip=request.ip,
        user_agent=request.agent,
        evidence={"form": request.form},
    )
    return subscription.id


def find_confirmation(subscription_id: int) -> Confirmation:
    """A subscription of any workspace: whoever asks holds its token. Raises NotFound."""
    with every_workspace():
        row = db.session.execute(
            select(Subscription, Subscriber, MailingList, Workspace)
            .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
            .join(MailingList, MailingList.id == Subscription.list_id)
            .join(Workspace, Workspace.id == Subscription.workspace_id)
            .where(Subscription.id == subscription_id)
        ).one_or_none()
    if row is None:
        raise NotFound("This subscription does not exist any more.")
    return Confirmation(*row)


def _requests(person: Subscriber, list_id: int, days: int) -> int:
    since = clock.now() - timedelta(days=days)
    count = db.session.scalar(
        select(func.count())
        .select_from(ConsentEvent)
        .where(
            ConsentEvent.address_hash == person.address_hash,
            ConsentEvent.list_id == list_id,
            ConsentEvent.action == "requested",
            ConsentEvent.at > since,
        )
    )
    return count or 0
