"""Settings, Webhooks: where providers report what became of mail."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import Text, cast, func, select
from sqlalchemy.orm import defer

from app.accounts.access import member
from app.accounts.models import Role
from app.core.database import db
from app.core.errors import Conflict, Invalid
from app.core.extensions import keyring, settings
from app.core.shown_once import show_once, shown_once
from app.tracking.models import Webhook, WebhookEvent
from app.tracking.webhooks.example import examples_for
from app.tracking.webhooks.forms import AddForm, SecretForm, SwitchForm
from app.tracking.webhooks.guide import GUIDES
from app.tracking.webhooks.intake import UNMAPPED
from app.tracking.webhooks.kinds import KINDS
from app.tracking.webhooks.refusal import read_refusal
from app.tracking.webhooks.setup import add_webhook, all_webhooks, enter, get_webhook, is_complete, rotate

SHOWN = 30
LONGEST_BODY = 20_000
LONGEST_PEOPLE = 200
LONGEST_READ = 200_000
"""Characters of a body that are looked at for this page."""

bp = Blueprint("webhooks", __name__, url_prefix="/w/<ws>/settings/webhooks")


class Shown(NamedTuple):
    """A stored event for people. `raw` is laid out in lines unless it is too long or too deep for that."""

    event: WebhookEvent
    people: str
    raw: str
    is_cut: bool
    is_laid_out: bool


@bp.get("")
@member(Role.OWNER)
def index() -> Any:
    """Each webhook with its state."""
    return _index(AddForm(formdata=None, kind=request.args.get("kind", "ses")))


@bp.post("")
@member(Role.OWNER)
def add() -> Any:
    """Add a webhook; its page shows a secret of ours once."""
    form = AddForm()
    if not form.validate_on_submit():
        return _index(form), 422
    try:
        hook, secret = add_webhook(keyring(), form.kind.data, form.name.data or "")
    except Conflict as error:
        db.session.rollback()
        form.kind.errors = [str(error)]
        return _index(form), 409
    db.session.commit()
    if secret:
        show_once(_name_of(hook.id), secret)
    else:
        flash(_("Added. Now enter the address at the provider."), "success")
    return _back(hook.id)


@bp.get("/<int:webhook_id>")
@member(Role.OWNER)
def show(webhook_id: int) -> Any:
    """One webhook: what to do at the provider, and what came lately."""
    return _page(get_webhook(webhook_id), secret=shown_once(_name_of(webhook_id)))


@bp.post("/<int:webhook_id>/secret")
@member(Role.OWNER)
def secret(webhook_id: int) -> Any:
    """Keep what the provider shows."""
    hook, form = get_webhook(webhook_id), SecretForm()
    if not form.validate_on_submit():
        return _page(hook, form=form), 422
    try:
        enter(keyring(), hook, form.secret.data)
    except Invalid as error:
        db.session.rollback()
        form.secret.errors = [str(error)]
        return _page(get_webhook(webhook_id), form=form), 422
    db.session.commit()
    flash(_("Saved. Calls are verified by it from now on."), "success")
    return _back(webhook_id)


@bp.post("/<int:webhook_id>/rotate")
@member(Role.OWNER)
def turn(webhook_id: int) -> Any:
    """Make a new secret, which the page shows once; the old one ends now."""
    made = rotate(keyring(), get_webhook(webhook_id))
    db.session.commit()
    show_once(_name_of(webhook_id), made)
    return _back(webhook_id)


@bp.get("/<int:webhook_id>/rotate")
@bp.get("/<int:webhook_id>/secret")
@member(Role.OWNER)
def form_address(webhook_id: int) -> Any:
    """Whoever opens the address of a form anew is led to its page."""
    return _back(get_webhook(webhook_id).id)


@bp.post("/<int:webhook_id>/switch")
@member(Role.OWNER)
def switch(webhook_id: int) -> Any:
    """Take calls, or none."""
    hook = get_webhook(webhook_id)
    hook.is_enabled = SwitchForm().on.data
    db.session.commit()
    words = _("Calls are taken again.") if hook.is_enabled else _("Calls are turned away from now on.")
    flash(words, "success")
    return _back(webhook_id)


@bp.post("/<int:webhook_id>/forget")
@member(Role.OWNER)
def forget(webhook_id: int) -> Any:
    """Begin to count refused calls and unknown types anew."""
    hook = get_webhook(webhook_id)
    hook.refused, hook.last_refusal = 0, ""
    hook.options = {name: value for name, value in hook.options.items() if name != UNMAPPED}
    db.session.commit()
    flash(_("Set to zero."), "success")
    return _back(webhook_id)


@bp.post("/<int:webhook_id>/remove")
@member(Role.OWNER)
def remove(webhook_id: int) -> Any:
    """Forget a webhook with all that came by it; what was made of it stays."""
    hook = get_webhook(webhook_id)
    name = hook.name
    db.session.delete(hook)
    db.session.commit()
    flash(_("%(name)s was removed. Remove it at the provider, too.", name=name), "success")
    return redirect(url_for("webhooks.index"))


def _index(form: AddForm) -> str:
    hooks = all_webhooks()
    return render_template(
        "tracking/webhooks/index.html", form=form, hooks=hooks, kinds=KINDS, is_complete=is_complete, unmapped=UNMAPPED
    )


def _page(hook: Webhook, *, form: SecretForm | None = None, secret: str = "") -> str:
    kind, guide = KINDS[hook.kind], GUIDES[hook.kind]
    form = form or SecretForm(formdata=None, secret=hook.options.get("topic", ""))
    form.secret.label.text = guide.label or form.secret.label.text
    address = settings().url(f"/hooks/{hook.public_id}")
    return render_template(
        "tracking/webhooks/webhook.html",
        hook=hook,
        refusal=read_refusal(hook.last_refusal),
        kind=kind,
        guide=guide,
        form=form,
        secret=secret,
        address=address,
        examples=examples_for(address) if hook.kind == "generic" else None,
        is_https=settings().is_https,
        is_complete=is_complete(hook),
        unmapped=sorted(hook.options.get(UNMAPPED, {}).items(), key=lambda pair: (-pair[1], pair[0])),
        events=list(_latest(hook)),
    )


def _latest(hook: Webhook) -> Iterator[Shown]:
    body = func.left(cast(WebhookEvent.body, Text), LONGEST_READ)
    query = select(WebhookEvent, body).options(defer(WebhookEvent.body)).where(WebhookEvent.webhook_id == hook.id)
    query = query.order_by(WebhookEvent.received_at.desc(), WebhookEvent.id.desc()).limit(SHOWN)
    for event, raw in db.session.execute(query):
        yield _shown(event, hook.kind, raw)


def _shown(event: WebhookEvent, kind: str, raw: str) -> Shown:
    try:
        body = json.loads(raw)
        laid_out = json.dumps(body, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        # Cut in its middle, or deeper than Python reads: as it is kept.
        return Shown(event, "", raw[:LONGEST_BODY], len(raw) > LONGEST_BODY, False)
    return Shown(event, _people(event, kind, body), laid_out[:LONGEST_BODY], len(laid_out) > LONGEST_BODY, True)


def _people(event: WebhookEvent, kind: str, body: dict[str, Any]) -> str:
    try:
        return ", ".join(KINDS[kind].hear(event.type, body).recipients)[:LONGEST_PEOPLE]
    except Exception:  # noqa: BLE001 - what upsets the reader is told by the note; the page is shown all the same
        return ""


def _name_of(webhook_id: int) -> str:
    return f"webhook:{webhook_id}"


def _back(webhook_id: int) -> Any:
    return redirect(url_for("webhooks.show", webhook_id=webhook_id))
