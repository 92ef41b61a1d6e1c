"""Lists: what people subscribe to."""

import re
import unicodedata

from sqlalchemy import select

from app.audience.models import MailingList
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, Invalid, NotFound

CONSENT = "I want to receive {name} by e-mail. I can unsubscribe at any time."
MAX_NAME = 200


def create_list(name: str, *, description: str = "", is_public: bool = True, consent_text: str = "") -> MailingList:
    """A new list. Raises Invalid when the name is empty or taken."""
    name = _checked_name(name)
    made = MailingList(
        name=name,
        slug=_free_slug(name),
        description=description.strip(),
        is_public=is_public,
        consent_text=consent_text.strip() or CONSENT.format(name=name),
    )
    db.session.add(made)
    db.session.flush()
    return made


def change_list(mailing_list: MailingList, *, name: str, description: str, is_public: bool, consent_text: str) -> None:
    """Save what a form says about the list. Its address and its sign-up form stay where they are."""
    rename_list(mailing_list, name)
    mailing_list.description = description.strip()
    mailing_list.is_public = is_public
    mailing_list.consent_text = consent_text.strip() or CONSENT.format(name=mailing_list.name)
    db.session.flush()


def rename_list(mailing_list: MailingList, name: str) -> None:
    """Give the list another name."""
    mailing_list.name = _checked_name(name, other_than=mailing_list.id)
    db.session.flush()


def archive_list(mailing_list: MailingList) -> None:
    """Take the list out of use: no sign-ups, no new campaigns. People, consent and reports stay; links keep working."""
    mailing_list.archived_at = mailing_list.archived_at or clock.now()
    db.session.flush()


def unarchive_list(mailing_list: MailingList) -> None:
    """Take the list into use again."""
    _checked_name(mailing_list.name, other_than=mailing_list.id)
    mailing_list.archived_at = None
    db.session.flush()


def get_list(list_id: int) -> MailingList:
    """The list of this workspace with that number. Raises NotFound."""
    found = db.session.scalar(select(MailingList).where(MailingList.id == list_id))
    if found is None:
        raise NotFound("There is no such list in this workspace.")
    return found


def find_list(name: str) -> MailingList | None:
    """The list in use with that name or slug."""
    return db.session.scalar(
        select(MailingList)
        .where(
            (MailingList.name == name.strip()) | (MailingList.slug == name.strip()), MailingList.archived_at.is_(None)
        )
        .order_by(MailingList.id)
        .limit(1)
    )


def usable_list(list_id: int) -> MailingList:
    """A list people can be put on. Raises NotFound, or Conflict when it is archived."""
    found = get_list(list_id)
    if found.archived_at is not None:
        raise Conflict(f"The list {found.name} is archived. Take it into use again first.")
    return found


def _checked_name(name: str, *, other_than: int | None = None) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid("Give the list a name; subscribers see it.", field="name")
    if len(name) > MAX_NAME:
        raise Invalid(f"The name has {len(name)} characters; {MAX_NAME} is the most.", field="name")
    taken = db.session.scalar(
        select(MailingList.id).where(
            MailingList.name == name, MailingList.archived_at.is_(None), MailingList.id != (other_than or 0)
        )
    )
    if taken:
        raise Invalid(f"There is a list {name} already. Choose another name.", field="name")
    return name


def _free_slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "list"
    taken = set(db.session.scalars(select(MailingList.slug).where(MailingList.slug.startswith(base, autoescape=True))))
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug
