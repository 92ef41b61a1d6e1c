"""Lists, people, imports and suppressions."""

import json
from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import select

from app.accounts.access import program
from app.accounts.models import Role
from app.api.schemas import (
    FaultOut,
    ImportIn,
    ImportOut,
    ListIn,
    ListOut,
    Page,
    SubscriberIn,
    SubscriberOut,
    SubscriberPatch,
    SubscriberQuery,
    SuppressionIn,
    SuppressionOut,
    UnsubscribeIn,
)
from app.audience.addresses import normalise
from app.audience.imports.columns import mapped
from app.audience.imports.start import cancel_import, get_import, queue_import
from app.audience.imports.start import upload as store_upload
from app.audience.lists import change_list, create_list, get_list
from app.audience.models import ImportFault, MailingList, Subscriber, Subscription, Suppression
from app.audience.subscribers import get_subscriber, save_subscriber
from app.audience.subscriptions import subscribe, unsubscribe
from app.audience.suppressions import lift, suppress
from app.core.database import db
from app.core.errors import Invalid
from app.core.extensions import enqueue_job, settings
from app.core.jobs import Job

bp = APIBlueprint("audience", __name__)


@bp.get("/lists")
@bp.output(ListOut(many=True))
@bp.doc(security="key", tags=["Lists"])
@program(Role.VIEWER)
def lists() -> Any:
    """All lists in use"""
    query = select(MailingList).where(MailingList.archived_at.is_(None)).order_by(MailingList.id)
    return [_list(row) for row in db.session.scalars(query)]


@bp.post("/lists")
@bp.input(ListIn, arg_name="data")
@bp.output(ListOut, status_code=201)
@bp.doc(security="key", tags=["Lists"])
@program(Role.EDITOR)
def add_list(data: dict[str, Any]) -> Any:
    """Create a list"""
    made = create_list(**data)
    db.session.commit()
    return _list(made)


@bp.get("/lists/<int:list_id>")
@bp.output(ListOut)
@bp.doc(security="key", tags=["Lists"])
@program(Role.VIEWER)
def one_list(list_id: int) -> Any:
    """One list"""
    return _list(get_list(list_id))


@bp.patch("/lists/<int:list_id>")
@bp.input(ListIn(partial=True), arg_name="data")
@bp.output(ListOut)
@bp.doc(security="key", tags=["Lists"])
@program(Role.EDITOR)
def edit_list(list_id: int, data: dict[str, Any]) -> Any:
    """Change a list"""
    found = get_list(list_id)
    before = {name: getattr(found, name) for name in ("name", "description", "is_public", "consent_text")}
    change_list(found, **{**before, **data})
    db.session.commit()
    return _list(found)


@bp.get("/subscribers")
@bp.input(SubscriberQuery, location="query", arg_name="query")
@bp.output(SubscriberOut(many=True))
@bp.doc(security="key", tags=["People"])
@program(Role.VIEWER)
def subscribers(query: dict[str, Any]) -> Any:
    """People, in the order of their ids"""
    rows = select(Subscriber).where(Subscriber.id > query["after"])
    if query["email"]:
        rows = rows.where(Subscriber.address == normalise(query["email"]).address)
    if query["list_id"]:
        get_list(query["list_id"])
        on_list = select(Subscription.subscriber_id).where(Subscription.list_id == query["list_id"])
        rows = rows.where(Subscriber.id.in_(on_list))
    return _people(list(db.session.scalars(rows.order_by(Subscriber.id).limit(query["limit"]))))


@bp.post("/subscribers")
@bp.input(SubscriberIn, arg_name="data")
@bp.output(SubscriberOut, status_code=201)
@bp.doc(security="key", tags=["People"])
@program(Role.EDITOR)
def add_subscriber(data: dict[str, Any]) -> Any:
    """Add a person, or change the one with this address

    Somebody who unsubscribed or is suppressed is not put back on a list: 409 then, and nothing is changed.
    """
    person, _added = save_subscriber(
        data["email"],
        first_name=data["first_name"],
        last_name=data["last_name"],
        attributes=data["attributes"],
        source="api",
        create_attributes=True,
    )
    for list_id in data["lists"]:
        subscribe(person, list_id, data["state"], source="api", evidence={"consent": data["consent"]})
    db.session.commit()
    return _people([person])[0]


@bp.get("/subscribers/<int:subscriber_id>")
@bp.output(SubscriberOut)
@bp.doc(security="key", tags=["People"])
@program(Role.VIEWER)
def one_subscriber(subscriber_id: int) -> Any:
    """One person"""
    return _people([get_subscriber(subscriber_id)])[0]


@bp.patch("/subscribers/<int:subscriber_id>")
@bp.input(SubscriberPatch(partial=True), arg_name="data")
@bp.output(SubscriberOut)
@bp.doc(security="key", tags=["People"])
@program(Role.EDITOR)
def edit_subscriber(subscriber_id: int, data: dict[str, Any]) -> Any:
    """Change names and attributes; an attribute of null is taken away"""
    person = get_subscriber(subscriber_id)
    person, _added = save_subscriber(person.email, create_attributes=True, **data)
    db.session.commit()
    return _people([person])[0]


@bp.post("/subscribers/<int:subscriber_id>/unsubscribe")
@bp.input(UnsubscribeIn, arg_name="data")
@bp.output(SubscriberOut)
@bp.doc(security="key", tags=["People"])
@program(Role.EDITOR)
def take_off(subscriber_id: int, data: dict[str, Any]) -> Any:
    """Take a person off a list, or off everything"""
    person = get_subscriber(subscriber_id)
    unsubscribe(person, data["list_id"], source="api")
    db.session.commit()
    return _people([person])[0]


@bp.post("/imports")
@bp.input(ImportIn, location="form_and_files", arg_name="data")
@bp.output(ImportOut, status_code=202)
@bp.doc(security="key", tags=["Imports"])
@program(Role.EDITOR)
def add_import(data: dict[str, Any]) -> Any:
    """Upload a CSV file and import it in the background"""
    upload = data["file"]
    try:
        mapping = json.loads(data["mapping"])
    except ValueError:
        raise Invalid("`mapping` is not JSON. Nothing was stored.", field="mapping") from None
    if not isinstance(mapping, dict):
        raise Invalid("`mapping` must be a JSON object of column to field. Nothing was stored.", field="mapping")
    row, sniffed = store_upload(upload.filename or "upload.csv", upload.stream)
    columns = mapped(list(sniffed.columns), {str(column): str(field) for column, field in mapping.items()})
    queue_import(row, sniffed, columns, list_id=data["list_id"], state="confirmed", statement=data["consent"])
    db.session.commit()
    enqueue_job(Job.RUN_IMPORT, row.id, once_as=f"import-{row.id}")
    return row


@bp.get("/imports/<int:import_id>")
@bp.output(ImportOut)
@bp.doc(security="key", tags=["Imports"])
@program(Role.VIEWER)
def one_import(import_id: int) -> Any:
    """How far an import is"""
    return get_import(import_id)


@bp.get("/imports/<int:import_id>/faults")
@bp.input(Page, location="query", arg_name="query")
@bp.output(FaultOut(many=True))
@bp.doc(security="key", tags=["Imports"])
@program(Role.VIEWER)
def faults(import_id: int, query: dict[str, Any]) -> Any:
    """Rows that were not taken, and why; `after` is a row number"""
    get_import(import_id)
    rows = select(ImportFault).where(ImportFault.import_id == import_id, ImportFault.row_number > query["after"])
    return list(db.session.scalars(rows.order_by(ImportFault.row_number).limit(query["limit"])))


@bp.post("/imports/<int:import_id>/cancel")
@bp.output(ImportOut)
@bp.doc(security="key", tags=["Imports"])
@program(Role.EDITOR)
def stop_import(import_id: int) -> Any:
    """Stop an import; what is in stays"""
    row = get_import(import_id)
    cancel_import(row)
    db.session.commit()
    return row


@bp.get("/suppressions")
@bp.input(Page, location="query", arg_name="query")
@bp.output(SuppressionOut(many=True))
@bp.doc(security="key", tags=["Suppressions"])
@program(Role.VIEWER)
def suppressions(query: dict[str, Any]) -> Any:
    """Addresses never to be mailed"""
    rows = select(Suppression).where(Suppression.id > query["after"], Suppression.lifted_at.is_(None))
    return list(db.session.scalars(rows.order_by(Suppression.id).limit(query["limit"])))


@bp.post("/suppressions")
@bp.input(SuppressionIn, arg_name="data")
@bp.output(SuppressionOut, status_code=201)
@bp.doc(security="key", tags=["Suppressions"])
@program(Role.EDITOR)
def add_suppression(data: dict[str, Any]) -> Any:
    """Never mail an address again"""
    made = suppress(data["email"], "manual", list_id=data["list_id"], evidence=data["evidence"] or "by API")
    db.session.commit()
    return made


@bp.delete("/suppressions/<int:suppression_id>")
@bp.output(SuppressionOut)
@bp.doc(security="key", tags=["Suppressions"])
@program(Role.OWNER)
def end_suppression(suppression_id: int) -> Any:
    """Allow mail again; subscriptions stay as they are"""
    found = lift(suppression_id, note="by API")
    db.session.commit()
    return found


def _list(row: MailingList) -> dict[str, Any]:
    names = ("id", "name", "slug", "description", "is_public", "consent_text", "created_at", "archived_at")
    return {**{name: getattr(row, name) for name in names}, "form_url": settings().url(f"/f/{row.public_id}")}


def _people(people: list[Subscriber]) -> list[dict[str, Any]]:
    ids = [person.id for person in people]
    on: dict[int, list[Subscription]] = {}
    for row in db.session.scalars(select(Subscription).where(Subscription.subscriber_id.in_(ids))):
        on.setdefault(row.subscriber_id, []).append(row)
    names = ("id", "email", "first_name", "last_name", "attributes", "tracking", "created_at")
    return [{**{name: getattr(person, name) for name in names}, "lists": on.get(person.id, [])} for person in people]
