"""A merge field that there is not is answered with one that there is."""

import pytest

from app.rendering.merge import check_template


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("{{ person.first_name }}", "Did you mean subscriber.first_name?"),
        ("{{ contact['last_name'] | upper }}", "Did you mean subscriber.last_name?"),
        ("{{ user.fname }}", "Did you mean subscriber.name?"),
        ("{{ person }}", "Did you mean subscriber.name?"),
        ("{{ firstname }}", "Did you mean subscriber.first_name?"),
        ("{{ person.city }}", "Did you mean subscriber.city?"),
        ("{{ city }}", "Did you mean subscriber.city?"),
        ("{{ campain.name }}", 'Did you mean "campaign"?'),
    ],
)
def test_a_field_of_nobody_is_answered_with_one_there_is(tag: str, says: str) -> None:
    [problem] = check_template(f"Hi {tag}", known_fields={"city"})
    assert problem.message.endswith(says)
