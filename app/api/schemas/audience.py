"""Lists, people, imports and suppressions."""

from apiflask import Schema
from apiflask.fields import URL, Boolean, Dict, File, Integer, List, Nested, String
from marshmallow.validate import Length, OneOf

from app.api.schemas.common import Id, IdText, Moment, Page


class ListIn(Schema):
    name = String(required=True, validate=Length(1, 200))
    description = String(load_default="")
    is_public = Boolean(load_default=True, metadata={"description": "Offered on preference pages."})
    consent_text = String(load_default="", metadata={"description": "What people agree to on the sign-up form."})


class ListOut(Schema):
    id = Integer()
    name = String()
    slug = String()
    description = String()
    is_public = Boolean()
    consent_text = String()
    form_url = URL(metadata={"description": "The hosted sign-up form."})
    created_at = Moment()
    archived_at = Moment(allow_none=True)


class SubscriberQuery(Page):
    email = String(load_default="", metadata={"description": "Exactly this address."})
    list_id = IdText(load_default=None, metadata={"description": "On this list, in any state."})


class SubscriberIn(Schema):
    email = String(required=True)
    first_name = String(load_default=None, allow_none=True)
    last_name = String(load_default=None, allow_none=True)
    attributes = Dict(
        keys=String(), load_default=dict, metadata={"description": "Your own fields; null takes a value away."}
    )
    lists = List(Id(), load_default=list, metadata={"description": "Lists to put the person on."})
    state = String(
        load_default="confirmed",
        validate=OneOf(["confirmed", "pending"]),
        metadata={"description": "`confirmed` when you hold the person's consent; `pending` until they confirm."},
    )
    consent = String(load_default="", metadata={"description": "How and where the person agreed; kept as evidence."})


class SubscriberPatch(Schema):
    first_name = String()
    last_name = String()
    attributes = Dict(keys=String(), metadata={"description": "Null takes a value away; what is left out stays."})


class SubscriptionOut(Schema):
    list_id = Integer()
    state = String(metadata={"description": "pending, confirmed or unsubscribed"})
    changed_at = Moment()


class SubscriberOut(Schema):
    id = Integer()
    email = String()
    first_name = String()
    last_name = String()
    attributes = Dict()
    tracking = Boolean(metadata={"description": "False when the person does not want opens and clicks recorded."})
    created_at = Moment()
    lists = List(Nested(SubscriptionOut))


class UnsubscribeIn(Schema):
    list_id = Id(load_default=None, allow_none=True, metadata={"description": "Without it: from everything."})


class ImportIn(Schema):
    file = File(required=True)  # type: ignore[no-untyped-call]
    list_id = IdText(required=True)
    mapping = String(
        load_default="{}",
        metadata={"description": 'JSON of column heading to field: {"Mail": "email", "Town": "attribute:town"}'},
    )
    state = String(load_default="confirmed", validate=OneOf(["confirmed", "pending"]))
    consent = String(required=True, validate=Length(min=3), metadata={"description": "Where the consent comes from."})


class ImportOut(Schema):
    id = Integer()
    list_id = Integer()
    filename = String()
    state = String(metadata={"description": "uploaded, queued, running, finished, failed or cancelled"})
    rows_done = Integer()
    rows_total = Integer(allow_none=True)
    added = Integer()
    updated = Integer()
    invalid = Integer()
    duplicates = Integer()
    suppressed = Integer(metadata={"description": "Came in, but stay suppressed or unsubscribed."})
    warned = Integer(
        attribute="options.warned",
        dump_default=0,
        metadata={"description": "Taken, but not wholly: an unknown time zone was left out."},
    )
    error = String()
    created_at = Moment()
    finished_at = Moment(allow_none=True)


class FaultOut(Schema):
    row_number = Integer()
    reason = String()
    row = String()


class SuppressionQuery(Page):
    email = String(load_default="", metadata={"description": "Exactly this address."})


class SuppressionIn(Schema):
    email = String(required=True)
    list_id = Id(load_default=None, allow_none=True, metadata={"description": "Without it: on every list."})
    evidence = String(load_default="", validate=Length(max=1000))


class SuppressionOut(Schema):
    id = Integer()
    hint = String(metadata={"description": "The address, masked: suppressions are kept as hashes."})
    list_id = Integer(allow_none=True)
    reason = String()
    evidence = String(metadata={"description": "What was said, with the person's address masked there as well."})
    created_at = Moment()
    lifted_at = Moment(allow_none=True)
