"""Every model of the house, for migrations and for the factory: importing this fills the metadata."""

from app.accounts import models as accounts
from app.api import models as api
from app.audience import models as audience
from app.campaigns import models as campaigns
from app.content import models as content
from app.messages import models as messages
from app.sending import models as sending

__all__ = ["accounts", "api", "audience", "campaigns", "content", "messages", "sending"]
