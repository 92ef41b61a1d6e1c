"""What is taken apart is what was put together."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.core import clock
from app.mail.simple import compose_simple
from app.mail.wire import Sender
from app.sending.apis.content import Mailbox, content_of

words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=120)
bodies = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")) | st.just("\n"), max_size=400
)


def compose(**changes: Any) -> bytes:
    usual: dict[str, Any] = {
        "sender": Sender("Aviary", "news@aviary.example.com", "desk@aviary.example.com"),
        "to_name": "Ada",
        "to_email": "ada@example.com",
        "subject": "Hello",
        "text": "Hello Ada",
        "html": "<p>Hello</p>",
        "date": clock.now(),
        "mail_domain": "mail.example.com",
    }
    return compose_simple(**{**usual, **changes}).data


def flat(text: str) -> str:
    return " ".join(text.split())


@given(name=words, to_name=words, subject=words, text=bodies, html=bodies)
def test_names_subject_and_bodies_come_back(name: str, to_name: str, subject: str, text: str, html: str) -> None:
    data = compose(
        sender=Sender(name, "news@aviary.example.com"), to_name=to_name, subject=subject, text=text, html=html
    )
    content = content_of(data, "ada@example.com")
    assert flat(content.sender.name) == flat(name)
    assert content.sender.email == "news@aviary.example.com"
    assert content.to.email == "ada@example.com"
    assert flat(content.to.name) == flat(to_name)
    assert flat(content.subject) == flat(subject)
    assert content.text.rstrip("\n") == text.rstrip("\n")
    assert content.html.rstrip("\n") == html.rstrip("\n")


def test_headers_travel_unfolded_and_those_of_the_call_do_not() -> None:
    data = compose(extra_headers={"X-Long": "word " * 40})
    content = content_of(data, "ada@example.com")
    headers = {name.lower(): value for name, value in content.headers}
    assert headers["x-long"] == ("word " * 40).strip()
    assert headers["auto-submitted"] == "auto-generated"
    assert "message-id" in headers
    assert not headers.keys() & {"to", "from", "subject", "date", "content-type", "mime-version", "reply-to"}
    assert content.reply_to == Mailbox("", "desk@aviary.example.com")


def test_a_name_is_quoted_where_it_stands_beside_an_address() -> None:
    assert str(Mailbox('Dr. "Ada", L.', "ada@example.com")) == '"Dr. \\"Ada\\", L." <ada@example.com>'
    assert str(Mailbox("", "ada@example.com")) == "ada@example.com"
