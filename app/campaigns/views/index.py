"""The list of campaigns, new ones, and what can be done to one in the list."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from app.accounts.access import member
from app.accounts.models import Role
from app.campaigns import edit
from app.campaigns.forms import NewForm
from app.campaigns.lifecycle import find_campaign
from app.campaigns.queries import PAGE, TABS, list_campaigns, tab_counts
from app.campaigns.views.blueprint import bp
from app.content.templates import BLANK, create_template, find_template, list_templates
from app.core.database import db
from app.core.errors import Invalid, NotFound
from app.rendering.starters import list_starters, load_starter


@bp.get("/")
@member(Role.VIEWER)
def index() -> Any:
    """All campaigns, by status."""
    tab = request.args.get("tab", "all")
    tab = tab if tab in TABS else "all"
    search = request.args.get("search", "").strip()
    rows = list_campaigns(tab, before=request.args.get("before", type=int), search=search)
    return render_template(
        "campaigns/index.html",
        tab=tab,
        search=search,
        rows=rows[:PAGE],
        older=rows[PAGE - 1].id if len(rows) > PAGE else None,
        counts=tab_counts(),
    )


@bp.get("/new")
@member(Role.EDITOR)
def new() -> Any:
    """Choose a name and where to begin."""
    return _new_page(NewForm(start=request.args.get("start", "")))


@bp.post("/new")
@member(Role.EDITOR)
def create() -> Any:
    """Make the draft and open its content."""
    form = NewForm()
    if not form.validate_on_submit():
        return _new_page(form, 422)
    try:
        mjml, subject = _beginning(form.start.data)
        campaign = edit.create_campaign(form.name.data, mjml=mjml, subject=subject)
    except (Invalid, NotFound) as error:
        form.name.errors = [str(error)]
        return _new_page(form, 422)
    db.session.commit()
    return redirect(url_for("campaigns.content", campaign_id=campaign.id))


@bp.post("/<int:campaign_id>/duplicate")
@member(Role.EDITOR)
def duplicate(campaign_id: int) -> Any:
    """A draft like this one."""
    copy = edit.duplicate(campaign_id)
    db.session.commit()
    flash(_("This is a copy, and a draft. Nothing was sent."), "success")
    return redirect(url_for("campaigns.content", campaign_id=copy.id))


@bp.post("/<int:campaign_id>/archive")
@member(Role.EDITOR)
def archive(campaign_id: int) -> Any:
    """Out of the way; links in its mails keep working."""
    campaign = edit.archive(campaign_id)
    db.session.commit()
    flash(_("“%(name)s” is archived. You find it under Archived.", name=campaign.name), "success")
    return redirect(url_for("campaigns.index"))


@bp.post("/<int:campaign_id>/unarchive")
@member(Role.EDITOR)
def unarchive(campaign_id: int) -> Any:
    """Back among the others."""
    campaign = edit.unarchive(campaign_id)
    db.session.commit()
    flash(_("“%(name)s” is back.", name=campaign.name), "success")
    return redirect(url_for("campaigns.index"))


@bp.get("/<int:campaign_id>/delete")
@member(Role.EDITOR)
def delete(campaign_id: int) -> Any:
    """Ask before a draft is gone for good."""
    return render_template("campaigns/delete.html", campaign=find_campaign(campaign_id))


@bp.post("/<int:campaign_id>/delete")
@member(Role.EDITOR)
def deleted(campaign_id: int) -> Any:
    """Delete a draft."""
    name = edit.delete_draft(campaign_id)
    db.session.commit()
    flash(_("The draft “%(name)s” is deleted.", name=name), "success")
    return redirect(url_for("campaigns.index"))


@bp.post("/<int:campaign_id>/save-as-template")
@member(Role.EDITOR)
def save_as_template(campaign_id: int) -> Any:
    """Keep the content as a start for others."""
    campaign = find_campaign(campaign_id)
    template = create_template(campaign.name, description=_("From the campaign “%(name)s”", name=campaign.name))
    template.mjml = campaign.mjml
    db.session.commit()
    flash(_("“%(name)s” is a template now.", name=template.name), "success")
    return redirect(url_for("templates.edit", template_id=template.id))


def _new_page(form: NewForm, status: int = 200) -> Any:
    page = render_template("campaigns/new.html", form=form, starters=list_starters(), templates=list_templates())
    return page, status


def _beginning(start: str) -> tuple[str, str]:
    """Content and a first subject: `starter:slug`, `template:id`, else the least that may be sent."""
    kind, _colon, name = start.partition(":")
    if kind == "starter":
        starter = load_starter(name)
        return starter.mjml, starter.subject
    if kind == "template" and name.isdecimal():
        return find_template(int(name)).mjml, ""
    return BLANK, ""
