"""Previews: the check the editor asks for while somebody types, the frame it loads, and a page to look around."""

from typing import Any

from flask import jsonify, render_template, request, url_for

from app.accounts.access import member
from app.accounts.models import Role
from app.audience.attributes import attribute_types
from app.campaigns.edit import find_variant
from app.campaigns.lifecycle import find_campaign
from app.campaigns.models import Campaign, Variant
from app.campaigns.preview import latest_source, preview, typing_place
from app.campaigns.reader import find_reader, possible_readers
from app.campaigns.views.blueprint import bp, user_id
from app.content.preview import POLICY, check_source, keep_source
from app.core.errors import MerpatiError
from app.core.http import replace_policy

LOOKS = ("desktop", "phone", "text")


@bp.post("/<int:campaign_id>/check")
@member(Role.EDITOR)
def check(campaign_id: int) -> Any:
    """What is wrong with the source being typed, and where to see it. Saves nothing."""
    campaign = find_campaign(campaign_id)
    variant = find_variant(campaign, request.args.get("variant", 1, type=int))
    source = request.form.get("source", "")
    keep_source(typing_place(campaign, variant, user_id()), source)
    problems = check_source(source, known_fields=attribute_types())
    errors = [{"line": found.line, "column": found.column, "message": found.message} for found in problems]
    if not errors and (words := _why_not_shown(campaign, variant, source)):
        errors = [{"line": 1, "column": 1, "message": words}]
    frame = url_for("campaigns.preview_frame", campaign_id=campaign_id, variant=variant.position, typed=1)
    return jsonify(ok=not errors, errors=errors, html_url=frame)


@bp.get("/<int:campaign_id>/preview")
@member(Role.VIEWER)
def preview_page(campaign_id: int) -> Any:
    """The mail of a variant on a large screen, on a phone or as text, read by somebody."""
    campaign = find_campaign(campaign_id)
    variant = find_variant(campaign, request.args.get("variant", 1, type=int))
    reader = find_reader(request.args.get("person", type=int))
    look = request.args.get("look", "desktop")
    mail, problem = None, ""
    try:
        mail = preview(campaign, variant, reader)
    except MerpatiError as error:
        problem = str(error)
    return render_template(
        "campaigns/preview.html",
        campaign=campaign,
        variant=variant,
        reader=reader,
        readers=possible_readers(campaign),
        look=look if look in LOOKS else "desktop",
        mail=mail,
        problem=problem,
    )


@bp.get("/<int:campaign_id>/preview/frame")
@member(Role.VIEWER)
def preview_frame(campaign_id: int) -> Any:
    """The mail itself, for a frame. With `typed`, as the source stands in the editor, saved or not."""
    campaign = find_campaign(campaign_id)
    variant = find_variant(campaign, request.args.get("variant", 1, type=int))
    reader = find_reader(request.args.get("person", type=int))
    replace_policy(POLICY)
    try:
        mail = preview(campaign, variant, reader, source=_typed(campaign, variant.position))
    except MerpatiError as error:
        return render_template("content/preview_problem.html", problem=str(error))
    return mail.html


def _why_not_shown(campaign: Campaign, variant: Variant, source: str) -> str:
    """What the frame says instead of the mail: the source is fine then, and the subject, say, is not."""
    try:
        preview(campaign, variant, None, source=source)
    except MerpatiError as error:
        return str(error)
    return ""


def _typed(campaign: Campaign, position: int) -> str | None:
    return latest_source(campaign, find_variant(campaign, position), user_id()) if request.args.get("typed") else None
