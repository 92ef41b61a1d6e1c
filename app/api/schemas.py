"""What the API takes and gives. Times are ISO 8601 in UTC; ids are whole numbers."""

from apiflask import Schema
from apiflask.fields import URL, Boolean, DateTime, Dict, File, Float, Integer, List, Nested, String
from marshmallow.validate import Length, OneOf, Range


class Page(Schema):  # type: ignore[misc]
    """Which page: after which id, how many."""

    after = Integer(load_default=0, metadata={"description": "The last id of the page before."})
    limit = Integer(load_default=100, validate=Range(1, 1000))


class ListIn(Schema):  # type: ignore[misc]
    name = String(required=True, validate=Length(1, 200))
    description = String(load_default="")
    is_public = Boolean(load_default=True, metadata={"description": "Offered on preference pages."})
    consent_text = String(load_default="", metadata={"description": "What people agree to on the sign-up form."})


class ListOut(Schema):  # type: ignore[misc]
    id = Integer()
    name = String()
    slug = String()
    description = String()
    is_public = Boolean()
    consent_text = String()
    form_url = URL(metadata={"description": "The hosted sign-up form."})
    created_at = DateTime()
    archived_at = DateTime(allow_none=True)


class SubscriberQuery(Page):
    email = String(load_default="", metadata={"description": "Exactly this address."})
    list_id = Integer(load_default=None)


class SubscriberIn(Schema):  # type: ignore[misc]
    email = String(required=True)
    first_name = String(load_default=None, allow_none=True)
    last_name = String(load_default=None, allow_none=True)
    attributes = Dict(keys=String(), load_default=dict)
    lists = List(Integer(), load_default=list, metadata={"description": "Lists to put the person on."})
    state = String(
        load_default="confirmed",
        validate=OneOf(["confirmed", "pending"]),
        metadata={"description": "`confirmed` when you hold the person's consent; `pending` until they confirm."},
    )
    consent = String(load_default="", metadata={"description": "How and where the person agreed; kept as evidence."})


class SubscriberPatch(Schema):  # type: ignore[misc]
    first_name = String()
    last_name = String()
    attributes = Dict(keys=String())


class SubscriptionOut(Schema):  # type: ignore[misc]
    list_id = Integer()
    state = String()
    changed_at = DateTime()


class SubscriberOut(Schema):  # type: ignore[misc]
    id = Integer()
    email = String()
    first_name = String()
    last_name = String()
    attributes = Dict()
    tracking = Boolean()
    created_at = DateTime()
    lists = List(Nested(SubscriptionOut))


class UnsubscribeIn(Schema):  # type: ignore[misc]
    list_id = Integer(load_default=None, allow_none=True, metadata={"description": "Without it: from everything."})


class ImportIn(Schema):  # type: ignore[misc]
    file = File(required=True)
    list_id = Integer(required=True)
    mapping = String(
        load_default="{}",
        metadata={"description": 'JSON of column header to field: {"Mail": "email", "Town": "attribute:town"}'},
    )
    consent = String(required=True, validate=Length(min=3), metadata={"description": "Where the consent comes from."})


class ImportOut(Schema):  # type: ignore[misc]
    id = Integer()
    list_id = Integer()
    filename = String()
    state = String()
    rows_done = Integer()
    rows_total = Integer(allow_none=True)
    added = Integer()
    updated = Integer()
    invalid = Integer()
    duplicates = Integer()
    suppressed = Integer()
    error = String()
    created_at = DateTime()
    finished_at = DateTime(allow_none=True)


class FaultOut(Schema):  # type: ignore[misc]
    row_number = Integer()
    reason = String()
    row = String()


class VariantIn(Schema):  # type: ignore[misc]
    name = String(load_default="")
    share = Float(required=True, validate=Range(0, 1))
    subject = String(required=True)
    preheader = String(load_default="")
    mjml = String(load_default=None, allow_none=True)


class CampaignIn(Schema):  # type: ignore[misc]
    name = String(required=True, validate=Length(1, 200))
    starter = String(load_default="", metadata={"description": "Slug of a starter template, instead of `mjml`."})
    mjml = String(load_default="")
    subject = String(load_default="")
    preheader = String(load_default="")
    lists = List(Integer(), load_default=list)
    exclude = List(Integer(), load_default=list)
    variants = List(Nested(VariantIn), load_default=list, metadata={"description": "Two to four; shares add up to 1."})
    held_out = Float(load_default=0.0, validate=Range(0, 0.5))
    from_name = String()
    from_email = String()
    reply_to = String()
    track_opens = Boolean()
    track_clicks = Boolean()


class CampaignPatch(CampaignIn):
    name = String(validate=Length(1, 200))
    version = Integer(metadata={"description": "The version you read; refused with 409 if it has moved on."})

    class Meta:
        exclude = ("starter",)


class VariantOut(Schema):  # type: ignore[misc]
    id = Integer()
    position = Integer()
    name = String()
    subject = String()
    preheader = String()
    share = Float()


class CampaignOut(Schema):  # type: ignore[misc]
    id = Integer()
    name = String()
    state = String()
    version = Integer()
    audience = Dict()
    held_out = Float()
    from_name = String()
    from_email = String()
    reply_to = String()
    scheduled_at = DateTime(allow_none=True)
    hold_until = DateTime(allow_none=True)
    launched_at = DateTime(allow_none=True)
    finished_at = DateTime(allow_none=True)
    waiting_for = String()
    variants = List(Nested(VariantOut))


class LaunchIn(Schema):  # type: ignore[misc]
    at = DateTime(load_default=None, allow_none=True, format="iso", metadata={"description": "Later, with zone."})


class TestIn(Schema):  # type: ignore[misc]
    email = String(required=True)
    variant = Integer(load_default=1, metadata={"description": "Position of the variant."})


class FindingOut(Schema):  # type: ignore[misc]
    level = String()
    code = String()
    message = String()


class ReviewOut(Schema):  # type: ignore[misc]
    recipients = Integer()
    findings = List(Nested(FindingOut))


class LedgerRowOut(Schema):  # type: ignore[misc]
    state = String()
    reason = String()
    count = Integer()


class StatusOut(Schema):  # type: ignore[misc]
    id = Integer()
    state = String()
    audience = Integer()
    open = Integer(metadata={"description": "Messages that may still go out."})
    ledger = List(Nested(LedgerRowOut))
    waiting_for = String()


class RateOut(Schema):  # type: ignore[misc]
    count = Integer()
    of = Integer()
    rate = Float(allow_none=True)
    low = Float(allow_none=True)
    high = Float(allow_none=True)


class CellOut(Schema):  # type: ignore[misc]
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


class LinkOut(Schema):  # type: ignore[misc]
    position = Integer()
    url = String()
    label = String()
    variant = String()
    human = Integer()
    everyone = Integer()
    hits = Integer()


class ReportOut(Schema):  # type: ignore[misc]
    ledger = List(Nested(LedgerRowOut))
    total = Nested(CellOut)
    cells = List(Nested(CellOut))
    held_out = Integer()
    links = List(Nested(LinkOut))


class LedgerQuery(Page):
    state = String(load_default="")
    reason = String(load_default="")


class PersonOut(Schema):  # type: ignore[misc]
    id = Integer(metadata={"description": "Number of the message."})
    subscriber_id = Integer(allow_none=True)
    address = String()
    state = String()
    reason = String()
    cell = String()
    sent_at = DateTime(allow_none=True)
    attempts = Integer()
    code = Integer(allow_none=True)
    reply = String()


class SuppressionIn(Schema):  # type: ignore[misc]
    email = String(required=True)
    list_id = Integer(load_default=None, allow_none=True)
    evidence = String(load_default="")


class SuppressionOut(Schema):  # type: ignore[misc]
    id = Integer()
    hint = String(metadata={"description": "The address, masked: suppressions are kept as hashes."})
    list_id = Integer(allow_none=True)
    reason = String()
    evidence = String()
    created_at = DateTime()
    lifted_at = DateTime(allow_none=True)
