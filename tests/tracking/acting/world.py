"""Facts for tests, and what is known of the people afterwards."""

from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import select

from app.audience.models import Suppression
from app.audience.suppressions import is_suppressed
from app.core import clock
from app.core.database import db, in_workspace
from app.mail.reasons import REASONS
from app.tracking.acting.act import act
from app.tracking.acting.facts import Fact
from app.tracking.models import BouncePoint, Incident
from tests.factories.messages import Sent

_keys = count(1)


def bounce(reason: str, persistence: str | None = None, *, key: str = "", words: str = "") -> Fact:
    """A bounce with the scope that the vocabulary gives its reason."""
    word = REASONS[reason]
    lasting: Any = persistence or word.persistence or "permanent"
    told = words or f"the other side said {reason}"
    return Fact("bounce", key or f"k{next(_keys)}", word.scope, lasting, reason, diagnostic=told)


def plain(kind: Any, *, key: str = "") -> Fact:
    return Fact(kind, key or f"k{next(_keys)}", diagnostic=f"a {kind}")


def tell(sent: Sent, fact: Fact, *, source: str = "mail", at: datetime | None = None) -> str:
    """Act on a fact, and commit, as every way in does."""
    with in_workspace(sent.workspace.id):
        done = act(sent.message, fact, source, at or clock.now())
        db.session.commit()
    db.session.expire_all()
    return done


def suppressions(sent: Sent) -> list[Suppression]:
    """The active ones of the workspace."""
    with in_workspace(sent.workspace.id):
        query = select(Suppression).where(Suppression.lifted_at.is_(None)).order_by(Suppression.id)
        return list(db.session.scalars(query))


def is_kept(sent: Sent) -> bool:
    with in_workspace(sent.workspace.id):
        return not is_suppressed(sent.person)


def points(sent: Sent) -> list[BouncePoint]:
    with in_workspace(sent.workspace.id):
        return list(db.session.scalars(select(BouncePoint).order_by(BouncePoint.day)))


def incidents(sent: Sent) -> list[Incident]:
    with in_workspace(sent.workspace.id):
        return list(db.session.scalars(select(Incident).order_by(Incident.id)))
