"""No page shows a stored word where a sentence belongs."""

import pytest
from flask import Flask

from app.mail.reasons import REASONS
from app.messages.lifecycle import Skip


@pytest.mark.parametrize("reason", [*REASONS, *Skip, "unanswered", "render"])
def test_every_reason_has_words(app: Flask, reason: str) -> None:
    with app.test_request_context("/"):
        app.update_template_context({})
        words = app.jinja_env.get_template("macros/words.html").module.reason_word(reason)  # type: ignore[attr-defined]
    assert words.strip() != str(reason)
    assert words.strip()[0].isupper()
