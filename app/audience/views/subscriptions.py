"""What an operator may do to a person's lists: put them on with their consent, and take them off."""

from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask_babel import gettext as _

from app.accounts.access import member
from app.accounts.models import Role
from app.audience.forms import SubscribeForm, list_options
from app.audience.lists import get_list
from app.audience.queries import list_choices
from app.audience.subscribers import get_subscriber
from app.audience.subscriptions import subscribe, unsubscribe
from app.audience.views.people import profile
from app.core.database import db
from app.core.errors import Conflict, Invalid

bp = Blueprint("subscriptions", __name__, url_prefix="/w/<ws>/people/<int:subscriber_id>/subscriptions")


@bp.post("")
@member(Role.EDITOR)
def add(subscriber_id: int) -> Any:
    """Put a person on a list."""
    person = get_subscriber(subscriber_id)
    form = SubscribeForm()
    form.list_id.choices = list_options(list_choices())
    if form.validate_on_submit():
        try:
            subscribe(person, form.list_id.data, source="operator", wording=form.consent.data.strip())
        except Conflict as error:
            db.session.rollback()
            form.refuse(Invalid(str(error), field="list_id"))
        else:
            db.session.commit()
            flash(_("The person is on the list."), "success")
            return redirect(url_for("people.show", subscriber_id=subscriber_id))
    return profile(get_subscriber(subscriber_id), form), 422


@bp.post("/end")
@member(Role.EDITOR)
def end(subscriber_id: int) -> Any:
    """Take a person off one list, or off everything."""
    person = get_subscriber(subscriber_id)
    list_id = request.form.get("list_id", type=int)
    name = get_list(list_id).name if list_id else _("everything")
    unsubscribe(person, list_id, source="operator")
    db.session.commit()
    flash(_("%(email)s is unsubscribed from %(name)s.", email=person.email, name=name), "success")
    return redirect(url_for("people.show", subscriber_id=subscriber_id))
