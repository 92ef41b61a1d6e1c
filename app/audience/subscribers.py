"""People: adding, changing and forgetting them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.audience.addresses import address_hash, normalise
from app.audience.attributes import checked_attributes
from app.audience.models import Subscriber
from app.audience.suppressions import follow_address, workspace_address_key
from app.core import clock
from app.core.database import current_workspace_id, db
from app.core.errors import Invalid, NotFound

MAX_NAME = 200


def save_subscriber(
    email: str,
    *,
    first_name: str | None = None,
    last_name: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    locale: str | None = None,
    timezone: str | None = None,
    source: str = "",
    create_attributes: bool = False,
) -> tuple[Subscriber, bool]:
    """Add a person, or change the one with this address; True when added. None leaves a field as it is.

    In `attributes`, None or "" takes a value away, absent keys stay. Raises Invalid for the address, an unknown
    attribute (unless `create_attributes`) or a value of the wrong type.
    """
    given = normalise(email)
    checked = checked_attributes(attributes or {}, create=create_attributes)
    names = {"first_name": first_name, "last_name": last_name, "locale": locale, "timezone": timezone}
    fields = {name: _checked_text(name, value) for name, value in names.items() if value is not None}
    added = db.session.scalar(
        insert(Subscriber)
        .values(
            workspace_id=current_workspace_id(),
            created_at=clock.now(),
            email=given.email,
            address=given.address,
            address_hash=address_hash(workspace_address_key(), given.address),
            attributes={key: value for key, value in checked.items() if value is not None},
            source=source,
            **fields,
        )
        .on_conflict_do_nothing()
        .returning(Subscriber.id)
    )
    subscriber = db.session.scalars(
        select(Subscriber)
        .where(Subscriber.address == given.address)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if added is None:
        change_subscriber(subscriber, fields, checked)
    return subscriber, added is not None


def change_subscriber(subscriber: Subscriber, fields: Mapping[str, str], attributes: Mapping[str, Any]) -> None:
    """Set fields and attributes that are checked already; an attribute of None is taken away."""
    merged = {key: value for key, value in {**subscriber.attributes, **attributes}.items() if value is not None}
    if merged != subscriber.attributes or any(getattr(subscriber, name) != value for name, value in fields.items()):
        subscriber.attributes = merged
        for name, value in fields.items():
            setattr(subscriber, name, value)
        subscriber.updated_at = clock.now()
    db.session.flush()


def change_address(subscriber: Subscriber, email: str) -> None:
    """Correct a person's address. Raises Invalid when somebody else has it; what was withdrawn stays withdrawn."""
    given = normalise(email)
    if given.address != subscriber.address:
        taken = select(Subscriber.id).where(Subscriber.address == given.address)
        if db.session.scalar(taken) is not None:
            raise Invalid("Somebody else in this workspace has this address.", field="email")
        old = subscriber.address_hash
        subscriber.address = given.address
        subscriber.address_hash = address_hash(workspace_address_key(), given.address)
        follow_address(old, subscriber)
    if given.email != subscriber.email:
        subscriber.email = given.email
        subscriber.updated_at = clock.now()
    db.session.flush()


def get_subscriber(subscriber_id: int) -> Subscriber:
    """The person of this workspace with that number. Raises NotFound."""
    found = db.session.scalar(select(Subscriber).where(Subscriber.id == subscriber_id))
    if found is None:
        raise NotFound("There is no such person in this workspace.")
    return found


def find_subscriber(email: str) -> Subscriber | None:
    """The person of this workspace with that address."""
    return db.session.scalar(select(Subscriber).where(Subscriber.address == normalise(email).address))


def _checked_text(name: str, value: str) -> str:
    text = " ".join(value.split())
    if len(text) > MAX_NAME:
        raise Invalid(f"This has {len(text)} characters; {MAX_NAME} is the most.", field=name)
    if "\x00" in text:
        raise Invalid("This contains a NUL character.", field=name)
    return text
