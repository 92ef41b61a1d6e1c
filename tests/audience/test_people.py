"""People and their attributes."""

import pytest
from sqlalchemy import select

from app.accounts.models import Workspace
from app.audience.attributes import attribute_key, attribute_types, define_attribute
from app.audience.erasure import erase
from app.audience.models import ConsentEvent, Subscriber, Suppression
from app.audience.subscribers import change_address, find_subscriber, save_subscriber
from app.audience.suppressions import is_suppressed, suppress
from app.audience.values import infer_type
from app.core.database import db, in_workspace
from app.core.errors import Invalid
from tests.factories.audience import a_list, a_person, a_reader


def test_a_person_is_known_by_the_address_in_any_case(scope: Workspace) -> None:
    ada, added = save_subscriber("Ada@Example.com", first_name="Ada")
    again, added_again = save_subscriber("ada@example.COM", last_name="Byron")
    assert (added, added_again) == (True, False)
    assert again.id == ada.id
    assert (again.email, again.name) == ("Ada@Example.com", "Ada Byron")


def test_attributes_have_types(scope: Workspace) -> None:
    for label, kind in (("Born", "date"), ("Orders", "number"), ("Member", "boolean"), ("Town", "text")):
        define_attribute(label, kind)
    ada, _ = save_subscriber(
        "ada@example.com", attributes={"born": "31.12.1990", "orders": "4.50", "member": "ja", "town": " Köln "}
    )
    assert ada.attributes == {"born": "1990-12-31", "orders": 4.5, "member": True, "town": "Köln"}
    ada, _ = save_subscriber("ada@example.com", attributes={"town": "", "orders": 5})
    assert ada.attributes == {"born": "1990-12-31", "orders": 5, "member": True}


@pytest.mark.parametrize(
    ("kind", "value"), [("number", "many"), ("date", "31.2.2020"), ("boolean", "perhaps"), ("text", "\x00")]
)
def test_a_value_of_the_wrong_type_is_refused(scope: Workspace, kind: str, value: str) -> None:
    define_attribute("Field", kind)
    with pytest.raises(Invalid, match="field"):
        save_subscriber("ada@example.com", attributes={"field": value})


def test_an_unknown_attribute_is_refused_or_made(scope: Workspace) -> None:
    with pytest.raises(Invalid, match="no attribute 'town'"):
        save_subscriber("ada@example.com", attributes={"town": "Köln"})
    ada, _ = save_subscriber("ada@example.com", attributes={"town": "Köln", "orders": 3}, create_attributes=True)
    assert ada.attributes == {"town": "Köln", "orders": 3}
    assert attribute_types() == {"town": "text", "orders": "number"}


def test_keys_are_made_of_labels() -> None:
    assert attribute_key("Größe (cm)") == "grosse_cm" or attribute_key("Größe (cm)") == "groe_cm"
    assert attribute_key("2nd name") == "a_2nd_name"
    with pytest.raises(Invalid):
        attribute_key("♥")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2.50", ""], "number"),
        (["01234", "56789"], "text"),
        (["2020-02-29", "1.3.2021"], "date"),
        (["yes", "no", "yes"], "boolean"),
        (["1", "0"], "number"),
        (["true", "0"], "boolean"),
        (["", " "], "text"),
        (["12,5"], "text"),
    ],
)
def test_types_are_guessed_so_that_nothing_is_lost(values: list[str], kind: str) -> None:
    assert infer_type(values) == kind


def test_a_corrected_address_takes_what_was_withdrawn_with_it(scope: Workspace) -> None:
    ada = a_person("ada@exmaple.com")
    suppress(ada, "unsubscribed")
    change_address(ada, "ada@example.com")
    assert is_suppressed("ada@example.com")
    a_person("bob@example.com")
    with pytest.raises(Invalid, match="Somebody else"):
        change_address(ada, "BOB@example.com")


def test_erasing_leaves_no_address_and_keeps_the_hash(scope: Workspace) -> None:
    ada = a_reader(a_list(), "ada@example.com")
    number, digest = ada.id, ada.address_hash
    erase(ada)
    db.session.commit()
    assert find_subscriber("ada@example.com") is None
    assert is_suppressed("ada@example.com")
    kept = db.session.scalars(select(Suppression)).one()
    assert (kept.address_hash, kept.hint, kept.reason) == (digest, "a…@example.com", "erased")
    proof = db.session.scalars(select(ConsentEvent)).all()
    assert [(event.subscriber_id, event.action) for event in proof] == [(number, "confirmed")]


def test_workspaces_do_not_see_each_other(scope: Workspace, app: object) -> None:
    from app.accounts.setup import create_workspace

    ada = a_person("ada@example.com")
    other = create_workspace("Elsewhere")
    db.session.flush()
    with in_workspace(other.id):
        assert find_subscriber("ada@example.com") is None
        twin, added = save_subscriber("ada@example.com")
        assert added
        assert twin.address_hash != ada.address_hash
        assert not is_suppressed("ada@example.com")
    suppress(ada, "manual")
    with in_workspace(other.id):
        assert not is_suppressed("ada@example.com")
        assert db.session.scalar(select(Subscriber.id).where(Subscriber.id == ada.id)) is None
