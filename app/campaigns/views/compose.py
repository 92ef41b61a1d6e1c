"""The composer's tabs: content, audience, settings. Each has its own address and its own form."""

from typing import Any

from flask import flash, g, redirect, request, url_for
from flask_babel import gettext as _

from app.accounts.access import member
from app.accounts.models import Role
from app.audience.attributes import attribute_types
from app.campaigns import edit
from app.campaigns.audience import count_audience, excluded_lists, included_lists, sample_people
from app.campaigns.forms import AudienceForm, ContentForm, SettingsForm, VersionedForm
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign, Variant
from app.campaigns.preview import typing_place
from app.campaigns.queries import lists_to_choose
from app.campaigns.review import sender_of, ways_of
from app.campaigns.review_content import source_of
from app.campaigns.views.blueprint import bp, compose_page, user_id
from app.content.preview import check_source, forget_source
from app.core.database import db
from app.core.errors import Conflict, Invalid
from app.core.extensions import settings as installation
from app.sending.transports import caught_at


@bp.get("/<int:campaign_id>/content")
@member(Role.VIEWER)
def content(campaign_id: int) -> Any:
    """Subject, preview text and source of a variant, with its preview beside."""
    campaign = find_campaign(campaign_id)
    variant = edit.find_variant(campaign, request.args.get("variant", 1, type=int))
    form = ContentForm(
        formdata=None,
        version=campaign.version,
        subject=variant.subject,
        preheader=variant.preheader,
        source=source_of(campaign, variant),
    )
    return _content_page(campaign, variant, form)


@bp.post("/<int:campaign_id>/content")
@member(Role.EDITOR)
def save_content(campaign_id: int) -> Any:
    """Save what a variant says."""
    campaign = find_campaign(campaign_id)
    variant = edit.find_variant(campaign, request.args.get("variant", 1, type=int))
    form = ContentForm()
    if not form.validate_on_submit():
        return _content_page(campaign, variant, form, 422)
    position = variant.position
    try:
        campaign = edit.save_content(
            campaign_id,
            form.version.data,
            position=position,
            subject=form.subject.data or "",
            preheader=form.preheader.data or "",
            mjml=(form.source.data or "").replace("\r\n", "\n"),
        )
    except Conflict as error:
        campaign = _keep_typed(campaign_id, form, error)
        return _content_page(campaign, edit.find_variant(campaign, position), form, 409)
    db.session.commit()
    forget_source(typing_place(campaign, edit.find_variant(campaign, position), user_id()))
    flash(_("Saved."), "success")
    return redirect(url_for("campaigns.content", campaign_id=campaign_id, variant=position))


@bp.get("/<int:campaign_id>/audience")
@member(Role.VIEWER)
def audience(campaign_id: int) -> Any:
    """Whom it goes to, counted exactly."""
    campaign = find_campaign(campaign_id)
    return _audience_page(
        campaign,
        _with_lists(
            AudienceForm(
                formdata=None,
                version=campaign.version,
                lists=included_lists(campaign),
                exclude=excluded_lists(campaign),
            ),
            campaign,
        ),
    )


@bp.post("/<int:campaign_id>/audience")
@member(Role.EDITOR)
def save_audience(campaign_id: int) -> Any:
    """Save the lists and count again."""
    campaign = find_campaign(campaign_id)
    form = _with_lists(AudienceForm(), campaign)
    if not form.validate_on_submit():
        return _audience_page(campaign, form, 422)
    try:
        edit.save_audience(campaign_id, form.version.data, lists=form.lists.data or [], exclude=form.exclude.data or [])
    except Invalid as error:
        getattr(form, error.field or "lists").errors = [str(error)]
        return _audience_page(campaign, form, 422)
    except Conflict as error:
        return _audience_page(_keep_typed(campaign_id, form, error), form, 409)
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("campaigns.audience", campaign_id=campaign_id))


@bp.get("/<int:campaign_id>/settings")
@member(Role.VIEWER)
def settings(campaign_id: int) -> Any:
    """Name, sender, tracking."""
    campaign = find_campaign(campaign_id)
    return _settings_page(campaign, SettingsForm(formdata=None, obj=campaign))


@bp.post("/<int:campaign_id>/settings")
@member(Role.EDITOR)
def save_settings(campaign_id: int) -> Any:
    """Save name, sender, tracking."""
    campaign = find_campaign(campaign_id)
    form = SettingsForm()
    if not form.validate_on_submit():
        return _settings_page(campaign, form, 422)
    values = {name: form[name].data for name in sorted(edit.SETTINGS)}
    try:
        edit.save_settings(
            campaign_id, form.version.data, **{key: "" if value is None else value for key, value in values.items()}
        )
    except Invalid as error:
        form[error.field or "name"].errors = [str(error)]
        return _settings_page(campaign, form, 422)
    except Conflict as error:
        return _settings_page(_keep_typed(campaign_id, form, error), form, 409)
    db.session.commit()
    flash(_("Saved."), "success")
    return redirect(url_for("campaigns.settings", campaign_id=campaign_id))


def _content_page(campaign: Campaign, variant: Variant, form: ContentForm, status: int = 200) -> Any:
    problems = check_source(form.source.data or "", known_fields=attribute_types()) if form.source.data else []
    return compose_page(
        "campaigns/content.html",
        campaign,
        status,
        variant=variant,
        form=form,
        problems=problems,
        merge_tags=merge_tags(),
    )


def merge_tags() -> list[dict[str, str]]:
    """What the picker offers; each personal value asks for words to fall back on."""
    fields = [("first_name", _("First name")), ("last_name", _("Last name")), ("name", _("Full name"))]
    fields += [(key, key) for key in attribute_types()]
    tags = [
        {"label": label, "insert": f'{{{{ subscriber.{key} | fallback("FALLBACK") }}}}', "help": f"subscriber.{key}"}
        for key, label in fields
    ]
    tags.append({"label": _("E-mail address"), "insert": "{{ subscriber.email }}", "help": "subscriber.email"})
    return tags


def _audience_page(campaign: Campaign, form: AudienceForm, status: int = 200) -> Any:
    return compose_page(
        "campaigns/audience.html",
        campaign,
        status,
        form=form,
        count=count_audience(campaign),
        people=sample_people(campaign),
        lists=dict(form.lists.choices),
    )


def _with_lists(form: AudienceForm, campaign: Campaign) -> AudienceForm:
    choices = [(row.id, row.name) for row in lists_to_choose([*included_lists(campaign), *excluded_lists(campaign)])]
    form.lists.choices = form.exclude.choices = choices
    return form


def _settings_page(campaign: Campaign, form: SettingsForm, status: int = 200) -> Any:
    name, address = sender_of(campaign, g.workspace)
    return compose_page(
        "campaigns/settings.html",
        campaign,
        status,
        form=form,
        sender_name=name,
        sender_email=address,
        ways=ways_of(campaign) if campaign.state == CampaignState.DRAFT else None,
        caught_at=caught_at(installation()),
    )


def _keep_typed(campaign_id: int, form: VersionedForm, error: Conflict) -> Campaign:
    """What was typed stays; the form takes the present version, so that saving once more is a choice."""
    db.session.rollback()
    campaign = find_campaign(campaign_id, fresh=True)
    form.version.data = campaign.version
    form.version.raw_data = None
    form.form_errors.append(str(error))
    return campaign
