"""What is known of a domain's mail from elsewhere than DNS: receivers' reports, and what went out."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import cast, func, or_, select
from sqlalchemy.dialects.postgresql import JSONPATH

from app.core import clock
from app.core.database import db
from app.deliverability.models import DmarcReport, DmarcRow, WatchHour

SPAN = timedelta(days=14)
DAY = timedelta(days=1)
_PASSES = '$.dkim[*] ? (@.result == "pass")'


@dataclass(frozen=True, slots=True)
class Signed:
    """Messages with the domain in From that bore any valid signature, and those of them that bore the domain's."""

    messages: int
    as_domain: int


def signed_as(domain: str) -> Signed:
    """What DMARC reports of the last two weeks say, in the workspace in scope. Anybody can forge one: a hint."""
    bears_one = DmarcRow.details.op("@?")(cast(_PASSES, JSONPATH))
    query = (
        select(func.coalesce(func.sum(DmarcRow.count), 0), func.sum(DmarcRow.count).filter(DmarcRow.dkim == "pass"))
        .join(DmarcReport, DmarcReport.id == DmarcRow.report_id)
        .where(DmarcReport.ends_at > clock.now() - SPAN, DmarcRow.header_from == domain, bears_one)
    )
    messages, as_domain = db.session.execute(query).one()
    return Signed(int(messages), int(as_domain or 0))


def sent_today(domain: str) -> int:
    """Messages from the domain, and those below it, that servers took within a day: receivers count them together."""
    below = func.right(WatchHour.domain, len(domain) + 1) == f".{domain}"
    query = select(func.coalesce(func.sum(WatchHour.sent), 0)).where(
        WatchHour.hour > clock.now() - DAY, or_(WatchHour.domain == domain, below)
    )
    return int(db.session.scalar(query) or 0)
