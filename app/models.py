"""Every model of the house, for migrations and for the factory: importing this fills the metadata."""

from app.accounts import models as accounts
from app.api import models as api
from app.audience import models as audience
from app.campaigns import models as campaigns
from app.content import models as content
from app.deliverability import models as deliverability
from app.messages import models as messages
from app.sending import models as sending
from app.tracking import models as tracking

__all__ = [
    "accounts",
    "api",
    "audience",
    "campaigns",
    "content",
    "deliverability",
    "messages",
    "sending",
    "tracking",
]
