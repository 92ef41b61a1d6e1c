"""The workspace and its ways out."""

from apiflask import Schema
from apiflask.fields import Boolean, Float, Integer, String
from marshmallow.validate import Range

from app.api.schemas.common import Moment

MOST = "How many marketing mails a person may get within `most_days`; null: any number."
LEAST = "Fewest hours between two marketing mails to one person; null: none."
QUIET = "A time of the day such as 21:00; empty, both ends: no quiet hours."


class WorkspacePatch(Schema):
    """What is left out stays as it is."""

    timezone = String(metadata={"description": "Name of a zone, such as Asia/Jakarta."})
    hold_seconds = Integer(
        strict=True, validate=Range(0, 600), metadata={"description": "How long a launch can be undone."}
    )
    quiet_from = String(metadata={"description": QUIET})
    quiet_to = String(metadata={"description": QUIET})
    most_messages = Integer(strict=True, allow_none=True, validate=Range(1, 1000), metadata={"description": MOST})
    most_days = Integer(strict=True, validate=Range(1, 365))
    least_hours = Integer(strict=True, allow_none=True, validate=Range(1, 720), metadata={"description": LEAST})


class WorkspaceOut(Schema):
    id = Integer()
    name = String()
    slug = String()
    timezone = String()
    from_name = String()
    from_email = String()
    reply_to = String()
    hold_seconds = Integer(metadata={"description": "How long a launch can be undone."})
    quiet_from = String(metadata={"description": QUIET})
    quiet_to = String(metadata={"description": QUIET})
    most_messages = Integer(allow_none=True, metadata={"description": MOST})
    most_days = Integer()
    least_hours = Integer(allow_none=True, metadata={"description": LEAST})


class TransportOut(Schema):
    id = Integer(metadata={"description": "For `transport_id` of a campaign."})
    name = String()
    kind = String(metadata={"description": "smtp, or the name of a provider."})
    stream = String(metadata={"description": "The one stream it serves; empty: both."})
    tier = Integer(metadata={"description": "The lowest that is well is used."})
    weight = Integer(metadata={"description": "Its share beside others of its tier."})
    is_enabled = Boolean()
    can_send = Boolean(metadata={"description": "False: a campaign cannot choose it before its settings are changed."})
    trouble = String(metadata={"description": "Why it cannot send, or what its last try failed with; empty: nothing."})
    set_aside_until = Moment(allow_none=True, metadata={"description": "After failures it rests until then."})


class WayOut(Schema):
    transport_id = Integer(allow_none=True, metadata={"description": "Null: the installation's own account."})
    name = String()
    standing = String(
        metadata={
            "description": "`carries` mail now; `stands-by` for when others fail; `set-aside` after failures; "
            "`at-limit`; or `unusable` before its settings are changed."
        }
    )
    share = Float(metadata={"description": "Of what goes out now, 0 to 1."})
    words = String(metadata={"description": "What it failed with last, or why it cannot send."})
