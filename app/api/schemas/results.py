"""What became of a campaign: ledger and report."""

from apiflask import Schema
from apiflask.fields import Boolean, Float, Integer, List, Nested, String
from marshmallow.validate import OneOf

from app.api.schemas.common import Moment, Page
from app.messages.lifecycle import State


class LedgerRowOut(Schema):
    state = String()
    reason = String()
    count = Integer()


class StatusOut(Schema):
    id = Integer()
    state = String()
    audience = Integer(metadata={"description": "Everybody who was considered: the sum of the ledger."})
    considered = Integer(allow_none=True, metadata={"description": "How many the launch judged; null before it."})
    adds_up = Boolean(metadata={"description": "Whether the ledger has exactly these people. False must never be."})
    open = Integer(metadata={"description": "Messages that may still go out."})
    ledger = List(Nested(LedgerRowOut))
    waiting_for = String()


class RateOut(Schema):
    count = Integer()
    of = Integer()
    rate = Float(allow_none=True)
    low = Float(allow_none=True, metadata={"description": "Lower end of the 95 % interval."})
    high = Float(allow_none=True)


class CellOut(Schema):
    variant_id = Integer(allow_none=True)
    name = String()
    subject = String()
    considered = Integer()
    mailed = Integer()
    delivered = Integer()
    bounced = Integer()
    opened_human = Integer()
    opened_any = Integer()
    clicked_human = Integer()
    clicked_any = Integer()
    unsubscribed = Integer()
    complained = Integer()
    human_clicks = Nested(RateOut)


class LinkOut(Schema):
    position = Integer()
    url = String()
    label = String()
    variant = String()
    human = Integer()
    everyone = Integer()
    hits = Integer()


class ReportOut(Schema):
    ledger = List(Nested(LedgerRowOut))
    total = Nested(CellOut)
    cells = List(Nested(CellOut))
    held_out = Integer()
    links = List(Nested(LinkOut))


class LedgerQuery(Page):
    state = String(load_default="", validate=OneOf(["", *State]))
    reason = String(load_default="")
    search = String(load_default="", metadata={"description": "Part of the address, in any case."})


class PersonOut(Schema):
    id = Integer(metadata={"description": "Number of the message."})
    subscriber_id = Integer(allow_none=True)
    address = String()
    state = String()
    reason = String()
    cell = String()
    sent_at = Moment(allow_none=True)
    attempts = Integer()
    code = Integer(allow_none=True)
    reply = String()
