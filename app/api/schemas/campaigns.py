"""Campaigns from draft to launch."""

from apiflask import Schema
from apiflask.fields import Boolean, Dict, Float, Integer, List, Nested, String
from marshmallow.validate import Length, Range

from app.api.schemas.common import Id, Moment, ZonedMoment
from app.api.schemas.workspace import WayOut


class StarterOut(Schema):
    slug = String()
    name = String()
    description = String()
    subject = String()


class VariantIn(Schema):
    name = String(load_default="")
    share = Float(required=True, validate=Range(0, 1))
    subject = String(required=True)
    preheader = String(load_default="")
    mjml = String(
        load_default=None, allow_none=True, metadata={"description": "Content of its own; null: the campaign's."}
    )


class Writable(Schema):
    """What a draft takes; what is left out stays as it is."""

    mjml = String(metadata={"description": "Content in MJML, for all variants that have none of their own."})
    subject = String(metadata={"description": "Of the first variant; use `variants` when there are several."})
    preheader = String(metadata={"description": "Of the first variant, like `subject`."})
    lists = List(Id(), metadata={"description": "Lists to write to."})
    exclude = List(Id(), metadata={"description": "Lists whose people are left out."})  # type: ignore[assignment]
    variants = List(
        Nested(VariantIn), validate=Length(max=4), metadata={"description": "Up to four; shares add up to 1."}
    )
    held_out = Float(validate=Range(0, 0.5), metadata={"description": "Share of people who get nothing, to compare."})
    from_name = String()
    from_email = String()
    reply_to = String()
    track_opens = Boolean()
    track_clicks = Boolean()
    stream = String(metadata={"description": "`marketing`, or `transactional`: what people wait for."})
    transport_id = Id(
        allow_none=True,
        metadata={"description": "The one transport it goes out by, see /transports; null: the workspace's by turns."},
    )
    weight = Integer(
        strict=True,
        validate=Range(1, 10),
        metadata={"description": "Its share of the sending beside your other campaigns, 1 to 10."},
    )


class CampaignIn(Writable):
    name = String(required=True, validate=Length(1, 200))
    starter = String(metadata={"description": "Slug of a starter, instead of `mjml`."})


class CampaignPatch(Writable):
    name = String(validate=Length(1, 200))
    version = Integer(
        strict=True, metadata={"description": "The version you read; refused with 409 if it has moved on."}
    )


class VariantOut(Schema):
    id = Integer()
    position = Integer()
    name = String()
    subject = String()
    preheader = String()
    share = Float()


class VariantFull(VariantOut):
    mjml = String(allow_none=True, metadata={"description": "Content of its own; null: the campaign's."})


class TimingIn(Schema):
    """How a send is laid out in time; nothing given: all at once."""

    local_at = String(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "A time without a zone, such as 2030-05-01T09:00, met in each person's own zone. Not "
            "together with `at`. People of no known zone go by the workspace's."
        },
    )
    passed = String(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "For people in whose zone `local_at` has passed at the launch: `next-day`, at that time of "
            "the next day, or `at-once`. Only together with `local_at`; nothing given: `next-day`."
        },
    )
    spread = Integer(
        load_default=0,
        strict=True,
        metadata={"description": "Minutes to spread the send evenly over, 5 to 10080 (7 days); 0: all at once."},
    )


class TimingOut(Schema):
    local_at = String(metadata={"description": "Only in a send that goes by each person's own zone."})
    passed = String()
    spread = Integer(metadata={"description": "Minutes; only in a send that is spread."})


class CampaignOut(Schema):
    id = Integer()
    name = String()
    state = String(
        metadata={"description": "draft, scheduled, launching, holding, sending, paused, finished or cancelled"}
    )
    version = Integer()
    audience = Dict(metadata={"description": "Numbers of lists: {lists: […], exclude: […]}"})
    corrects_id = Integer(
        allow_none=True, metadata={"description": "The campaign whose remaining people this one is for."}
    )
    held_out = Float()
    from_name = String()
    from_email = String()
    reply_to = String()
    track_opens = Boolean()
    track_clicks = Boolean()
    stream = String(metadata={"description": "marketing or transactional"})
    transport_id = Integer(allow_none=True, metadata={"description": "Its one way out; null: the workspace's."})
    weight = Integer()
    created_at = Moment()
    scheduled_at = Moment(allow_none=True)
    hold_until = Moment(allow_none=True, metadata={"description": "Until then, a launch can be taken back."})
    launched_at = Moment(allow_none=True)
    finished_at = Moment(allow_none=True)
    archived_at = Moment(allow_none=True)
    timing = Nested(TimingOut, metadata={"description": "How its launch laid it out in time; empty: all at once."})
    waiting_for = String(metadata={"description": "Why nothing goes out just now; empty while it flows."})
    variants = List(Nested(VariantOut))


class CampaignFull(CampaignOut):
    mjml = String()
    variants = List(Nested(VariantFull))


class LaunchIn(Schema):
    at = ZonedMoment(load_default=None, allow_none=True, metadata={"description": "Later, with its zone; null: now."})
    timing = Nested(TimingIn, load_default=None, allow_none=True)
    version = Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        metadata={"description": "The version you reviewed; refused with 409 if it has moved on."},
    )


class TestIn(Schema):
    email = String(required=True)
    variant = Integer(load_default=1, strict=True, metadata={"description": "Position of the variant."})


class TestOut(Schema):
    reply = String(metadata={"description": "What the mail server answered."})
    warnings = List(String(), metadata={"description": "Why a launch from this sender would be refused."})


class FindingOut(Schema):
    level = String(metadata={"description": "`error` stops the launch, `warning` does not."})
    code = String()
    message = String()


class ReviewOut(Schema):
    version = Integer(metadata={"description": "Give it to the launch: then nothing unreviewed goes out."})
    recipients = Integer()
    findings = List(Nested(FindingOut))
    ways = List(Nested(WayOut), metadata={"description": "By which transports it would go out now."})
