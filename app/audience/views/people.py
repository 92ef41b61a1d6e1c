"""Pages of people."""

from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from app.accounts.access import member
from app.accounts.models import Role
from app.audience.erasure import erase as erase_person
from app.audience.exports import people_csv
from app.audience.failing import failing_days
from app.audience.forms import NO_LIST, AddPersonForm, PersonForm, SubscribeForm, list_options
from app.audience.history import timeline
from app.audience.mistakes import mistake_of
from app.audience.models import Attribute, Subscriber
from app.audience.queries import (
    COUNT_TO,
    PAGE,
    PeopleFilter,
    consent_of,
    count_people,
    list_choices,
    search_people,
    subscriptions_of,
    suppressions_of,
)
from app.audience.subscribers import change_address, get_subscriber, save_subscriber
from app.audience.subscriptions import subscribe
from app.core.database import db
from app.core.errors import Conflict, Invalid

bp = Blueprint("people", __name__, url_prefix="/w/<ws>/people")


@bp.get("")
@member(Role.VIEWER)
def index() -> Any:
    """Everybody, or those who match; htmx asks for the table alone while somebody types."""
    wanted, before = _wanted(), request.args.get("before", type=int)
    people = search_people(wanted, before=before, limit=PAGE + 1)
    shown = {
        "people": people[:PAGE],
        "wanted": wanted,
        "is_first": before is None,
        "next_before": people[PAGE - 1].id if len(people) > PAGE else None,
        "count": count_people(wanted),
        "count_to": COUNT_TO,
    }
    if request.headers.get("HX-Request"):
        return render_template("audience/people/_table.html", **shown)
    return render_template("audience/people/index.html", lists=list_choices(), **shown)


@bp.get("/export")
@member(Role.EDITOR)
def export() -> Any:
    """The people who match, as CSV."""
    body = stream_with_context(people_csv(_wanted(), g.workspace.id))
    headers = {"Content-Disposition": "attachment; filename=people.csv"}
    return Response(body, content_type="text/csv; charset=utf-8", headers=headers)


@bp.get("/new")
@member(Role.EDITOR)
def new() -> Any:
    """The form for a new person."""
    return _form(_adding(AddPersonForm(formdata=None)))


@bp.post("")
@member(Role.EDITOR)
def create() -> Any:
    """Add a person, perhaps to a list."""
    form = _adding(AddPersonForm())
    if form.validate_on_submit():
        try:
            person, added = _save(form)
            if form.list_id.data != NO_LIST:
                consent = (form.consent.data or "").strip()
                if not consent:
                    raise Invalid(_("Say how this person agreed; it is kept as proof."), field="consent")
                subscribe(person, form.list_id.data, source="operator", wording=consent)
        except Invalid as error:
            db.session.rollback()
            form.refuse(error)
        except Conflict as error:
            db.session.rollback()
            form.refuse(Invalid(str(error), field="list_id"))
        else:
            db.session.commit()
            words = _("%(email)s is added.") if added else _("%(email)s was here already and is updated.")
            flash(words % {"email": person.email}, "success")
            return redirect(url_for("people.show", subscriber_id=person.id))
    return _form(form), 422


@bp.get("/<int:subscriber_id>")
@member(Role.VIEWER)
def show(subscriber_id: int) -> Any:
    """A person: lists, attributes, everything that happened, and the consent record."""
    return profile(get_subscriber(subscriber_id), _subscribing(SubscribeForm(formdata=None)))


@bp.get("/<int:subscriber_id>/edit")
@member(Role.EDITOR)
def edit(subscriber_id: int) -> Any:
    """The form of a person."""
    person = get_subscriber(subscriber_id)
    return _form(PersonForm(formdata=None, obj=person), person)


@bp.post("/<int:subscriber_id>")
@member(Role.EDITOR)
def update(subscriber_id: int) -> Any:
    """Save a person."""
    person = get_subscriber(subscriber_id)
    form = PersonForm()
    if form.validate_on_submit():
        try:
            change_address(person, form.email.data)
            _save(form)
        except Invalid as error:
            db.session.rollback()
            form.refuse(error)
        else:
            db.session.commit()
            flash(_("Saved."), "success")
            return redirect(url_for("people.show", subscriber_id=subscriber_id))
    return _form(form, get_subscriber(subscriber_id)), 422


@bp.get("/<int:subscriber_id>/erase")
@member(Role.EDITOR)
def confirm_erase(subscriber_id: int) -> Any:
    """What erasing means, and the button."""
    return render_template("audience/people/erase.html", person=get_subscriber(subscriber_id))


@bp.post("/<int:subscriber_id>/erase")
@member(Role.EDITOR)
def erase(subscriber_id: int) -> Any:
    """Delete a person for good."""
    erase_person(get_subscriber(subscriber_id))
    db.session.commit()
    flash(_("The person is erased. No import will bring the address back."), "success")
    return redirect(url_for("people.index"))


def profile(person: Subscriber, form: SubscribeForm) -> str:
    """The page of a person."""
    return render_template(
        "audience/people/show.html",
        person=person,
        form=_subscribing(form),
        attributes=_attributes(),
        subscriptions=subscriptions_of(person),
        consent=consent_of(person),
        suppressions=suppressions_of(person),
        facts=timeline(person),
        failing=failing_days(person),
        mistake=mistake_of(person, current_user.id),
    )


def _wanted() -> PeopleFilter:
    state = request.args.get("state", "")
    return PeopleFilter(
        text=request.args.get("q", "")[:200].replace("\x00", ""),
        list_id=request.args.get("list", type=int) or None,
        state=state if state in ("confirmed", "pending", "unsubscribed", "suppressed") else "",
    )


def _attributes() -> list[Attribute]:
    return list(db.session.scalars(select(Attribute).order_by(Attribute.id)))


def _adding(form: AddPersonForm) -> AddPersonForm:
    form.list_id.choices = list_options(list_choices(), _("No list yet"))
    return form


def _subscribing(form: SubscribeForm) -> SubscribeForm:
    form.list_id.choices = list_options(list_choices())
    return form


def _save(form: PersonForm) -> tuple[Subscriber, bool]:
    given = {attribute.key: request.form.get(f"attributes.{attribute.key}") for attribute in _attributes()}
    return save_subscriber(
        form.email.data,
        first_name=form.first_name.data or "",
        last_name=form.last_name.data or "",
        attributes={key: value for key, value in given.items() if value is not None},
        source="operator",
    )


def _form(form: PersonForm, person: Subscriber | None = None) -> str:
    attributes = _attributes()
    kept = person.attributes if person else {}
    values = {item.key: request.form.get(f"attributes.{item.key}", kept.get(item.key)) for item in attributes}
    return render_template("audience/people/form.html", form=form, person=person, attributes=attributes, values=values)
