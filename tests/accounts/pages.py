"""Reading what a page holds."""

import re
from html import unescape

from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def token_on(page: TestResponse) -> str:
    """The CSRF token that a form on the page carries."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert found, "the page has no form with a token"
    return found[1]


def text_of(page: TestResponse) -> str:
    """What a page says, as people read it."""
    return unescape(page.text)


def is_signed_in(browser: FlaskClient) -> bool:
    """Whether the landing page lets this browser past the sign-in."""
    return browser.get("/").headers.get("Location") != "/sign-in"
