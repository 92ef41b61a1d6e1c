"""Writing a campaign: every change is made to a draft, at the version the writer saw."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import delete, select, update

from app.audience.models import MailingList
from app.campaigns.audience import variants_of
from app.campaigns.cells import check_shares
from app.campaigns.lifecycle import EDITABLE, find_campaign
from app.campaigns.models import Campaign, Variant
from app.core import clock
from app.core.database import db
from app.core.errors import Conflict, Invalid
from app.sending.prospects import why_unusable
from app.sending.transports import list_transports

MOST_VARIANTS = 4
LETTERS = "ABCD"
SETTINGS = frozenset(
    {"name", "from_name", "from_email", "reply_to", "track_opens", "track_clicks", "stream", "transport_id", "weight"}
)


@dataclass(frozen=True, slots=True)
class VariantInput:
    """What somebody wants a variant to be. `mjml` None: the campaign's content."""

    share: float
    subject: str = ""
    preheader: str = ""
    mjml: str | None = None
    name: str = ""


def create_campaign(name: str, *, mjml: str = "", subject: str = "") -> Campaign:
    """A draft with one variant. Its content comes from a starter, a template or nowhere. Raises Invalid."""
    campaign = Campaign(name=_checked_name(name), mjml=mjml)
    db.session.add(campaign)
    db.session.flush()
    db.session.add(_variant(campaign, 1, VariantInput(1.0, subject=subject)))
    db.session.flush()
    return campaign


def save_settings(campaign_id: int, version: int, **settings: Any) -> Campaign:
    """Change name, sender or tracking. Raises Conflict when it was changed meanwhile, Invalid for an empty name."""
    if unknown := settings.keys() - SETTINGS:
        raise TypeError(f"not settings of a campaign: {', '.join(sorted(unknown))}")
    if "name" in settings:
        settings["name"] = _checked_name(settings["name"])
    _check_way_out(campaign_id, settings)
    campaign = _claim(campaign_id, version)
    for key, value in settings.items():
        setattr(campaign, key, value.strip() if isinstance(value, str) else value)
    db.session.flush()
    return campaign


def save_content(
    campaign_id: int, version: int, *, position: int = 1, subject: str, preheader: str, mjml: str
) -> Campaign:
    """Change what one variant says; content that variants share changes for all of them."""
    campaign = _claim(campaign_id, version)
    variant = find_variant(campaign, position)
    variant.subject, variant.preheader = _one_line(subject), _one_line(preheader)
    if variant.mjml is None:
        campaign.mjml = mjml
    else:
        variant.mjml = mjml
    db.session.flush()
    return campaign


def save_audience(campaign_id: int, version: int, *, lists: Sequence[int], exclude: Sequence[int] = ()) -> Campaign:
    """Choose the lists to write to and those whose people are left out. Raises Invalid for lists that are not ours."""
    known = set(db.session.scalars(select(MailingList.id).where(MailingList.id.in_([*lists, *exclude]))))
    if missing := {*lists, *exclude} - known:
        raise Invalid(f"{len(missing)} of the lists do not exist any more. Choose again.", field="lists")
    if both := set(lists) & set(exclude):
        raise Invalid(f"{len(both)} of the lists are both included and excluded. Choose one.", field="exclude")
    campaign = _claim(campaign_id, version)
    campaign.audience = {"lists": sorted(set(lists)), "exclude": sorted(set(exclude))}
    db.session.flush()
    return campaign


def set_variants(campaign_id: int, version: int, variants: Sequence[VariantInput], *, held_out: float = 0) -> Campaign:
    """Replace the variants: one for a plain campaign, two to four for a test. Raises Invalid."""
    if len(variants) > MOST_VARIANTS:
        raise Invalid(f"A campaign can have up to {MOST_VARIANTS} variants.", field="shares")
    check_shares([variant.share for variant in variants], held_out)
    campaign = _claim(campaign_id, version)
    campaign.held_out = held_out
    existing = {variant.position: variant for variant in variants_of(campaign)}
    for position, wanted in enumerate(variants, 1):
        if position in existing:
            _copy_onto(existing[position], wanted)
        else:
            db.session.add(_variant(campaign, position, wanted))
    db.session.execute(delete(Variant).where(Variant.campaign_id == campaign.id, Variant.position > len(variants)))
    db.session.flush()
    return campaign


def duplicate(campaign_id: int) -> Campaign:
    """A draft like this one, with a draw of its own."""
    source = find_campaign(campaign_id)
    copy = Campaign(
        name=_copy_name(source.name),
        **{key: getattr(source, key) for key in (*sorted(SETTINGS - {"name"}), "mjml", "held_out")},
        audience=dict(source.audience),
    )
    db.session.add(copy)
    db.session.flush()
    for variant in variants_of(source):
        wanted = VariantInput(variant.share, variant.subject, variant.preheader, variant.mjml, variant.name)
        db.session.add(_variant(copy, variant.position, wanted))
    db.session.flush()
    return copy


def archive(campaign_id: int) -> Campaign:
    """Take a draft or an ended campaign out of the way. Its links keep working. Raises Conflict while it is live."""
    campaign = find_campaign(campaign_id, fresh=True)
    if campaign.state not in ("draft", "finished", "cancelled"):
        raise Conflict(f"“{campaign.name}” is {campaign.state}. Cancel it or let it finish before you archive it.")
    campaign.archived_at = campaign.archived_at or clock.now()
    db.session.flush()
    return campaign


def unarchive(campaign_id: int) -> Campaign:
    """Put it back among the others."""
    campaign = find_campaign(campaign_id)
    campaign.archived_at = None
    db.session.flush()
    return campaign


def delete_draft(campaign_id: int) -> str:
    """Delete a draft for good and return its name. Raises Conflict for anything that was sent or is on its way."""
    campaign = find_campaign(campaign_id, fresh=True)
    gone = db.session.scalar(
        delete(Campaign).where(Campaign.id == campaign_id, Campaign.state == "draft").returning(Campaign.id)
    )
    if gone is None:
        raise Conflict(f"“{campaign.name}” is {campaign.state}; only drafts can be deleted. Archive it instead.")
    return campaign.name


def find_variant(campaign: Campaign, position: int) -> Variant:
    """The variant at this position, else the first."""
    variants = variants_of(campaign)
    return next((variant for variant in variants if variant.position == position), variants[0])


def _claim(campaign_id: int, version: int) -> Campaign:
    """Raise the version by one if it is the one the writer saw: of two writers at once, one wins."""
    won = db.session.scalar(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.version == version, Campaign.state.in_(EDITABLE))
        .values(version=Campaign.version + 1, waiting_for="", waiting_since=None)
        .returning(Campaign.id)
        .execution_options(synchronize_session=False)
    )
    campaign = find_campaign(campaign_id, fresh=True)
    if won is not None:
        return campaign
    if campaign.state not in EDITABLE:
        raise Conflict(
            f"“{campaign.name}” is {campaign.state}, so it cannot be changed. What you typed is still in the form. "
            "Make it a draft again first, or duplicate it."
        )
    raise Conflict(
        f"“{campaign.name}” was changed by somebody else, or in another window, since you opened it. What you typed is "
        "still in the form: save again to put it in place of the other change, or reload to see that one."
    )


def _variant(campaign: Campaign, position: int, wanted: VariantInput) -> Variant:
    variant = Variant(workspace_id=campaign.workspace_id, campaign_id=campaign.id, position=position)
    _copy_onto(variant, wanted)
    return variant


def _copy_onto(variant: Variant, wanted: VariantInput) -> None:
    variant.name = wanted.name.strip() or LETTERS[variant.position - 1]
    variant.subject, variant.preheader = _one_line(wanted.subject), _one_line(wanted.preheader)
    variant.mjml, variant.share = wanted.mjml, round(wanted.share, 5)


def _checked_name(name: str) -> str:
    if not (name := _one_line(name)):
        raise Invalid("Give the campaign a name; only your team sees it.", field="name")
    return name


def _check_way_out(campaign_id: int, settings: dict[str, Any]) -> None:
    """One that was chosen when it could still send may stay: the review says that nothing can be sent by it."""
    if settings.get("stream", "marketing") not in ("marketing", "transactional"):
        raise Invalid(
            "A campaign is `marketing` or `transactional`. Nothing was changed. Choose one of them.", field="stream"
        )
    if "transport_id" not in settings:
        return
    chosen = settings["transport_id"] = settings["transport_id"] or None
    if chosen is None:
        return
    transport = next((each for each in list_transports() if each.id == chosen), None)
    if transport is None:
        raise Invalid(
            "There is no such transport in this workspace (any more). Nothing was changed. Choose another.",
            field="transport_id",
        )
    if chosen != find_campaign(campaign_id).transport_id and (words := why_unusable(transport)):
        raise Invalid(f"{words} Nothing was changed.", field="transport_id")


def _copy_name(name: str) -> str:
    """The first copy is a “(copy)”, the next ones “(copy 2)”, “(copy 3)”, whichever of them was copied."""
    stem = re.sub(r"(?: \(copy(?: \d+)?\))+$", "", name)
    taken = set(
        db.session.scalars(select(Campaign.name).where(Campaign.name.startswith(f"{stem} (copy", autoescape=True)))
    )
    names = (f"{stem} (copy {number})" if number > 1 else f"{stem} (copy)" for number in count(1))
    return next(one for one in names if one not in taken)


def _one_line(text: str) -> str:
    return " ".join(text.split())
