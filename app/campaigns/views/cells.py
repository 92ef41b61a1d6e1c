"""The tab that divides the audience into cells."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _

from app.accounts.access import member
from app.accounts.models import Role
from app.campaigns import edit
from app.campaigns.audience import cells_of, count_audience, variants_of
from app.campaigns.edit import LETTERS, MOST_VARIANTS, VariantInput
from app.campaigns.forms import CellsForm
from app.campaigns.lifecycle import find_campaign
from app.campaigns.models import Campaign
from app.campaigns.review_content import source_of
from app.campaigns.views.blueprint import bp, compose_page
from app.core.database import db
from app.core.errors import Conflict, Invalid

CellRow = dict[str, Any]


@bp.get("/<int:campaign_id>/cells")
@member(Role.VIEWER)
def cells(campaign_id: int) -> Any:
    """How the audience is divided, in shares and in people."""
    campaign = find_campaign(campaign_id)
    form = CellsForm(formdata=None, version=campaign.version, held_out=round(campaign.held_out * 100))
    wanted = request.args.get("count", type=int)
    return _page(campaign, form, _rows_of(campaign, wanted))


@bp.post("/<int:campaign_id>/cells")
@member(Role.EDITOR)
def save_cells(campaign_id: int) -> Any:
    """Save the cells."""
    campaign = find_campaign(campaign_id)
    form, rows = CellsForm(), _typed_rows()
    if not form.validate_on_submit():
        return _page(campaign, form, rows, 422)
    try:
        variants = [_variant_input(campaign, row, at) for at, row in enumerate(rows)]
        edit.set_variants(campaign_id, form.version.data, variants, held_out=form.held_out.data / 100)
    except Invalid as error:
        form.form_errors.append(str(error))
        return _page(campaign, form, rows, 422)
    except Conflict as error:
        db.session.rollback()
        campaign = find_campaign(campaign_id, fresh=True)
        form.version.data, form.version.raw_data = campaign.version, None
        form.form_errors.append(str(error))
        return _page(campaign, form, rows, 409)
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("campaigns.cells", campaign_id=campaign_id))


def _page(campaign: Campaign, form: CellsForm, rows: list[CellRow], status: int = 200) -> Any:
    count = count_audience(campaign)
    shown = [
        {"cell": cell, "people": count.cells.get(cell.position, 0), "variant": _variant_at(campaign, cell.variant)}
        for cell in cells_of(campaign)
    ]
    return compose_page(
        "campaigns/cells.html", campaign, status, form=form, rows=rows, shown=shown, count=count, most=MOST_VARIANTS
    )


def _variant_at(campaign: Campaign, index: int | None) -> Any:
    return None if index is None else variants_of(campaign)[index]


def _rows_of(campaign: Campaign, wanted: int | None) -> list[CellRow]:
    """The cells as they are, or evenly divided among as many as somebody asks for."""
    rows = [
        {
            "name": variant.name,
            "share": f"{variant.share * 100:g}",
            "subject": variant.subject,
            "preheader": variant.preheader,
            "own": variant.mjml is not None,
        }
        for variant in variants_of(campaign)
    ]
    if wanted is None or not 1 <= wanted <= MOST_VARIANTS or wanted == len(rows):
        return rows
    rows = rows[:wanted] + [{**rows[0], "name": LETTERS[at], "own": False} for at in range(len(rows), wanted)]
    part = 100 // wanted
    for at, row in enumerate(rows):
        row["share"] = str(100 - part * (wanted - 1) if at == 0 else part)
    return rows


def _typed_rows() -> list[CellRow]:
    form = request.form
    count = min(len(form.getlist("share")), MOST_VARIANTS + 1)
    return [
        {
            "name": _at("name", at),
            "share": _at("share", at),
            "subject": _at("subject", at),
            "preheader": _at("preheader", at),
            "own": str(at) in form.getlist("own"),
        }
        for at in range(count)
    ]


def _at(name: str, number: int) -> str:
    values = request.form.getlist(name)
    return values[number].strip() if number < len(values) else ""


def _variant_input(campaign: Campaign, row: CellRow, at: int) -> VariantInput:
    try:
        share = float(row["share"].replace(",", ".").rstrip("% ")) / 100
    except ValueError:
        raise Invalid(f"“{row['share']}” is not a share: write a number of percent.", field="shares") from None
    return VariantInput(share, row["subject"], row["preheader"], _own_content(campaign, row, at), row["name"])


def _own_content(campaign: Campaign, row: CellRow, at: int) -> str | None:
    """A cell that gets content of its own begins with what it sends now."""
    if not row["own"]:
        return None
    variants = variants_of(campaign)
    return source_of(campaign, variants[at]) if at < len(variants) else campaign.mjml
