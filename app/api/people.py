"""People and the lists they are on."""

from typing import Any

from apiflask import APIBlueprint
from sqlalchemy import select

from app.accounts.access import program
from app.accounts.models import Role
from app.api.intake import asks, takes
from app.api.lists import check_list
from app.api.paging import paged
from app.api.repeats import once
from app.api.schemas.audience import SubscriberIn, SubscriberOut, SubscriberPatch, SubscriberQuery, UnsubscribeIn
from app.audience.addresses import normalise
from app.audience.erasure import erase
from app.audience.lists import get_list
from app.audience.models import Subscriber, Subscription
from app.audience.subscribers import get_subscriber, save_subscriber
from app.audience.subscriptions import subscribe, unsubscribe
from app.core.database import db

bp = APIBlueprint("subscribers", __name__, url_prefix="/subscribers", tag="People")
CHANGED: Any = {
    200: {
        "description": "The person was there already, and was changed",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SubscriberOut"}}},
    }
}


@bp.get("")
@program(Role.VIEWER)
@asks(bp, SubscriberQuery)
@bp.output(SubscriberOut(many=True))
def index(query: dict[str, Any]) -> Any:
    """People, in the order of their ids"""
    rows = select(Subscriber).where(Subscriber.id > query["after"])
    if query["email"]:
        rows = rows.where(Subscriber.address == normalise(query["email"]).address)
    if query["list_id"]:
        on_list = select(Subscription.subscriber_id).where(Subscription.list_id == get_list(query["list_id"]).id)
        rows = rows.where(Subscriber.id.in_(on_list))
    found = list(db.session.scalars(rows.order_by(Subscriber.id).limit(query["limit"])))
    return paged(_people(found), query, found[-1].id if found else None)


@bp.post("")
@program(Role.EDITOR)
@once
@takes(bp, SubscriberIn)
@bp.output(SubscriberOut, status_code=201)
@bp.doc(responses=CHANGED)
def create(data: dict[str, Any]) -> Any:
    """Add a person, or change the one with this address

    Somebody who unsubscribed or is suppressed is not put back on a list: 409 then, and nothing is changed.
    """
    lists = [check_list(list_id, "lists") for list_id in data["lists"]]
    person, added = save_subscriber(
        data["email"],
        first_name=data["first_name"],
        last_name=data["last_name"],
        attributes=data["attributes"],
        source="api",
        create_attributes=True,
    )
    for list_id in lists:
        subscribe(person, list_id, data["state"], source="api", evidence={"consent": data["consent"]})
    return _people([person])[0], 201 if added else 200


@bp.get("/<int:subscriber_id>")
@program(Role.VIEWER)
@bp.output(SubscriberOut)
def read(subscriber_id: int) -> Any:
    """One person"""
    return _people([get_subscriber(subscriber_id)])[0]


@bp.patch("/<int:subscriber_id>")
@program(Role.EDITOR)
@takes(bp, SubscriberPatch)
@bp.output(SubscriberOut)
def change(subscriber_id: int, data: dict[str, Any]) -> Any:
    """Change names and attributes"""
    person, _added = save_subscriber(get_subscriber(subscriber_id).email, create_attributes=True, **data)
    db.session.commit()
    return _people([person])[0]


@bp.post("/<int:subscriber_id>/unsubscribe")
@program(Role.EDITOR)
@takes(bp, UnsubscribeIn)
@bp.output(SubscriberOut)
def leave(subscriber_id: int, data: dict[str, Any]) -> Any:
    """Take a person off a list, or off everything; twice is once"""
    person = get_subscriber(subscriber_id)
    if data["list_id"]:
        check_list(data["list_id"], "list_id")
    unsubscribe(person, data["list_id"], source="api")
    db.session.commit()
    return _people([person])[0]


@bp.delete("/<int:subscriber_id>")
@program(Role.OWNER)
@bp.output({}, status_code=204)
def forget(subscriber_id: int) -> Any:
    """Erase a person for good

    The ledger keeps its rows with the address masked; a keyed hash of the address stays suppressed.
    """
    erase(get_subscriber(subscriber_id))
    db.session.commit()
    return ""


def _people(people: list[Subscriber]) -> list[dict[str, Any]]:
    ids = [person.id for person in people]
    on: dict[int, list[Subscription]] = {}
    rows = select(Subscription).where(Subscription.subscriber_id.in_(ids)).order_by(Subscription.list_id)
    for row in db.session.scalars(rows):
        on.setdefault(row.subscriber_id, []).append(row)
    names = ("id", "email", "first_name", "last_name", "attributes", "tracking", "created_at")
    return [{**{name: getattr(person, name) for name in names}, "lists": on.get(person.id, [])} for person in people]
