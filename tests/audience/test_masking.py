"""Where an address is masked, the words beside it do not tell it."""

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.models import Workspace
from app.audience.addresses import address_hash, mask
from app.audience.masking import masked_evidence
from app.audience.suppressions import suppress
from app.core.database import db

KEY = b"k" * 32
GITA = "p43.gita@example.net"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("550 5.1.1 <p43.gita@example.net>: no such user", "550 5.1.1 <p…@example.net>: no such user"),
        ("550 P43.Gita@Example.NET: unknown", "550 P…@Example.NET: unknown"),
        ("550 p43.gita: mailbox unavailable", "550 p…: mailbox unavailable"),
        ("550 user p43.gita.", "550 user p…."),
        ("forwarded to <gita.old@example.org>", "forwarded to <g…@example.org>"),
        ("550 5.7.1 ask postmaster@example.net", "550 5.7.1 ask postmaster@example.net"),
        ("550 5.1.1 user unknown", "550 5.1.1 user unknown"),
        ("", ""),
    ],
)
def test_the_person_is_not_told(words: str, shown: str) -> None:
    assert masked_evidence(words, mask(GITA), address_hash(KEY, GITA), KEY) == shown


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_stands_around_it(before: str, after: str) -> None:
    shown = masked_evidence(f"{before} <{GITA}> {after}", mask(GITA), address_hash(KEY, GITA), KEY)
    assert "p43.gita@example.net" not in shown


def test_neither_the_page_nor_the_file_tells_it(as_ada: FlaskClient, scope: Workspace) -> None:
    made = suppress(GITA, "bounced", evidence=f"550 5.1.1 <{GITA}>: p43.gita is unknown")
    db.session.commit()
    for path in ("", "/export", f"/{made.id}/lift"):
        text = as_ada.get(f"/w/{scope.slug}/suppressions{path}").text
        assert "p43.gita" not in text, path
        assert "is unknown" in text, path
