"""Writing a campaign from one body: part by part, each on the version that the part before left."""

from typing import Any

from app.campaigns.audience import variants_of
from app.campaigns.edit import (
    SETTINGS,
    VariantInput,
    create_campaign,
    save_audience,
    save_content,
    save_settings,
    set_variants,
)
from app.campaigns.lifecycle import EDITABLE, find_campaign
from app.campaigns.models import Campaign, Variant
from app.core.errors import Conflict, Invalid, NotFound
from app.rendering.starters import load_starter

CONTENT = ("subject", "preheader", "mjml")


def make_draft(data: dict[str, Any]) -> Campaign:
    """A new draft, from a starter, from MJML or empty. Raises Invalid."""
    data = {**data, **_from_starter(data)}
    return write(create_campaign(data["name"]), data)


def change_draft(campaign_id: int, data: dict[str, Any]) -> Campaign:
    """What is given takes the place of what was there, empty values too. Raises Conflict, Invalid."""
    campaign = find_campaign(campaign_id, fresh=True)
    version = data.get("version", campaign.version)
    if campaign.state not in EDITABLE:
        raise Conflict(
            f"“{campaign.name}” is {campaign.state}, so it cannot be changed. Nothing was changed. "
            f"Take its launch back with DELETE /api/v1/campaigns/{campaign.id}/launch while that is possible."
        )
    if version != campaign.version:
        raise Conflict(
            f"“{campaign.name}” is at version {campaign.version} by now, not {version}. Nothing was changed. "
            "Read it again, and send your change with the version it has then."
        )
    return write(campaign, data)


def write(campaign: Campaign, data: dict[str, Any]) -> Campaign:
    """Write the parts that are given; all of them or, when one is refused, none (the caller rolls back)."""
    if {"subject", "preheader"} & data.keys() and "variants" in data:
        raise Invalid(
            "`subject` and `preheader` belong into `variants` when both are given. Nothing was changed.",
            field="subject" if "subject" in data else "preheader",
        )
    if given := {name: data[name] for name in SETTINGS if name in data}:
        campaign = save_settings(campaign.id, campaign.version, **given)
    if {"lists", "exclude"} & data.keys():
        chosen = {name: data.get(name, campaign.audience.get(name, [])) for name in ("lists", "exclude")}
        campaign = save_audience(campaign.id, campaign.version, **chosen)
    if {"variants", "held_out"} & data.keys():
        campaign = _split(campaign, data)
    if set(CONTENT) & data.keys():
        campaign = _say(campaign, data)
    return campaign


def _from_starter(data: dict[str, Any]) -> dict[str, Any]:
    slug = data.get("starter", "")
    if not slug:
        return {}
    if data.get("mjml"):
        raise Invalid("Give `starter` or `mjml`, not both. Nothing was created.", field="starter")
    try:
        starter = load_starter(slug)
    except NotFound as error:
        raise Invalid(f"{error} Nothing was created.", field="starter") from None
    proposed = {} if "subject" in data or "variants" in data else {"subject": starter.subject}
    return {"mjml": starter.mjml, **proposed}


def _split(campaign: Campaign, data: dict[str, Any]) -> Campaign:
    if "variants" in data:
        wanted = [VariantInput(**variant) for variant in data["variants"]]
    else:
        wanted = [VariantInput(v.share, v.subject, v.preheader, v.mjml, v.name) for v in variants_of(campaign)]
    try:
        return set_variants(campaign.id, campaign.version, wanted, held_out=data.get("held_out", campaign.held_out))
    except Invalid as error:
        raise Invalid(
            f"{error} Nothing was changed.", field="variants" if error.field == "shares" else error.field
        ) from None


def _say(campaign: Campaign, data: dict[str, Any]) -> Campaign:
    first = variants_of(campaign)[0]
    if {"subject", "preheader"} & data.keys():
        campaign = _save(campaign, first, {name: data[name] for name in ("subject", "preheader") if name in data})
    if "mjml" in data:
        shared = next((variant for variant in variants_of(campaign) if variant.mjml is None), None)
        if shared is None:
            raise Invalid(
                "Every variant has content of its own, so this would be shown to nobody. Nothing was changed. "
                "Give `mjml` in `variants`.",
                field="mjml",
            )
        campaign = _save(campaign, shared, {"mjml": data["mjml"]})
    return campaign


def _save(campaign: Campaign, variant: Variant, given: dict[str, str]) -> Campaign:
    now = {
        "subject": variant.subject,
        "preheader": variant.preheader,
        "mjml": campaign.mjml if variant.mjml is None else variant.mjml,
    }
    return save_content(campaign.id, campaign.version, position=variant.position, **{**now, **given})
