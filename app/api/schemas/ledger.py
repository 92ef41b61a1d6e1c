"""Acting on a ledger."""

from apiflask import Schema
from apiflask.fields import Boolean, Dict, Integer, List, String
from marshmallow.validate import Length, OneOf

from app.api.schemas.common import Id, Moment

AS = ("sent", "again")


class RetryIn(Schema):
    reasons = List(
        String(),
        load_default=[],
        validate=Length(max=200),
        metadata={"description": "Rows of the ledger like `failed:expired`, or a whole state; none: all that may be."},
    )
    at_most = Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        metadata={"description": "Refused with 409 when they are more than this by now."},
    )
    dry_run = Boolean(load_default=False, metadata={"description": "Only count."})


class RetryOut(Schema):
    tried = Integer(metadata={"description": "People who are planned anew."})
    left_out = Dict(metadata={"description": "How many of those chosen are not, by the reason."})


class SettleIn(Schema):
    as_ = String(
        data_key="as",
        load_default="",
        validate=OneOf(["", *AS]),
        metadata={"description": "`sent`, or `again`: send once more, knowing that some may get it twice."},
    )
    messages = List(
        Id(), load_default=None, allow_none=True, metadata={"description": "Numbers of messages; null: all in doubt."}
    )

    knowing = Boolean(
        load_default=False,
        metadata={"description": "Must be true for `again`: you know that some of them may get it twice."},
    )


class SettledOut(Schema):
    settled = Integer(metadata={"description": "Messages that are in doubt no more."})
    left_out = Dict(metadata={"description": "How many of those chosen are not sent again, by the reason."})


class DoubtOut(Schema):
    id = Integer(metadata={"description": "Number of the message."})
    subscriber_id = Integer(allow_none=True)
    address = String()
    at = Moment()
    said = String(metadata={"description": "How the connection ended, or what was answered that is no verdict."})
    transport = String()
    host = String()
    signs = List(String(), metadata={"description": "What came back since."})
