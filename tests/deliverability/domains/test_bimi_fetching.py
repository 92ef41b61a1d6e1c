"""Fetching what a BIMI record points to: from where, how far, and for how long."""

import gzip
import time

import pytest
from flask.testing import FlaskClient

from app.deliverability.domains.bimi import fetching
from tests.deliverability.domains.logo import BOTH, RECORD, faults, look, on_the_page
from tests.deliverability.domains.marks import svg
from tests.deliverability.domains.nest import NAME, Nest
from tests.deliverability.domains.test_page import press
from tests.deliverability.domains.web import ADDRESS, HOST, Web
from tests.sending.domains.test_page import text_of


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0"),
        *("::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"),
    ],
)
def test_a_name_that_leads_inside_is_not_called(nest: Nest, web: Web, address: str) -> None:
    nest.zone.drop(HOST, "A")
    nest.zone.publish(HOST, "AAAA" if ":" in address else "A", address)
    assert faults(nest) == {"bimi-picture-unfetched", "bimi-cert-unfetched"}
    assert "private network" in on_the_page(nest).faults[0]
    assert web.dialled == []


@pytest.mark.parametrize(
    "target",
    ["https://inside.internal/", "http://logo.aviary.internal/a", "//inside.internal", "https://[", "", "/logo.svg"],
)
def test_nobody_is_led_inside_or_in_circles(nest: Nest, web: Web, target: str) -> None:
    nest.zone.publish("inside.internal", "A", "10.0.0.1")
    web.put("/logo.svg", b"", status=302, Location=target)
    web.put("/a", svg())
    assert faults(nest) == {"bimi-picture-unfetched"}
    assert {place for place, _port in web.dialled} == {ADDRESS}
    assert len(web.asked) <= 2 + fetching.MOST_REDIRECTS


def test_who_is_sent_on_is_told(nest: Nest, web: Web) -> None:
    web.put("/logo.svg", b"", status=301, Location="/new/logo.svg")
    web.put("/new/logo.svg", svg())
    found = look(nest)
    assert (found.state, found.has("bimi-redirect", "bimi-svg-fine")) == ("ok", True)
    assert f"sends on to https://{HOST}/new/logo.svg" in on_the_page(nest).notes[0]


@pytest.mark.parametrize(("status", "state"), [(404, "wrong"), (403, "wrong"), (599, "unknown"), (503, "unknown")])
def test_answers_that_are_no_picture(nest: Nest, web: Web, status: int, state: str) -> None:
    web.put("/logo.svg", b"", status=status)
    found = look(nest)
    assert found.state == state
    assert found.has("bimi-picture-unfetched", "bimi-picture-unreached")
    assert f"answers {status}" in " ".join([*on_the_page(nest).faults, *on_the_page(nest).notes])


def test_a_flood_is_not_read_to_its_end(nest: Nest, web: Web) -> None:
    for body in (b" " * (fetching.LARGEST + 1), gzip.compress(b" " * 3_000_000), gzip.compress(svg())[:-9]):
        web.put("/logo.svg", body)
        assert faults(nest) == {"bimi-picture-unfetched"}


@pytest.mark.long
@pytest.mark.parametrize("mood", ["hang", "drip", "deaf"])
def test_a_slow_server_is_not_waited_for(nest: Nest, web: Web, mood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "WHOLE", 0.8)
    web.mood = mood
    nest.zone.publish(f"_dmarc.{NAME}", "TXT", "v=DMARC1; p=reject")
    began = time.monotonic()
    found = look(nest)
    assert time.monotonic() - began < 4
    assert found.state == "unknown"
    assert found.has("bimi-picture-unreached")
    assert "did not send it in time" in on_the_page(nest).notes[0]


@pytest.mark.parametrize(("mood", "words"), [("down", "takes no connections"), ("torn", "broke off")])
def test_a_broken_server_says_nothing_of_the_picture(nest: Nest, web: Web, mood: str, words: str) -> None:
    web.mood = mood
    assert look(nest).state == "unknown"
    shown = on_the_page(nest)
    assert words in shown.notes[0]
    assert shown.trouble == ""
    assert shown.at is not None


def test_a_web_server_whose_certificate_is_not_valid(nest: Nest, web: Web) -> None:
    other = f"other.{NAME}"
    nest.zone.publish(other, "A", ADDRESS)
    nest.zone.publish(RECORD, "TXT", f"v=BIMI1; l=https://{other}/logo.svg")
    assert faults(nest) == {"bimi-picture-unfetched"}
    assert "Hostname mismatch" in on_the_page(nest).faults[0]
    assert web.asked == []


def test_what_was_found_stays_where_nothing_can_be_had(as_ada: FlaskClient, nest: Nest, web: Web) -> None:
    look(nest)
    web.mood = "down"
    found = look(nest)
    assert (found.state, found.has("bimi-cert-vmc")) == ("ok", True)
    shown = press(as_ada, nest)
    assert "could not be fetched: logo.aviary.internal takes no connections at port 443." in shown
    assert "This is what was found before." in shown
    nest.zone.publish(RECORD, "TXT", BOTH + "; avp=brand")
    found = look(nest)
    assert (found.state, found.has("bimi-cert-vmc")) == ("unknown", False)
    assert "Not fetched" in text_of(as_ada.get(f"/w/{nest.workspace.slug}/settings/domains"))


def test_a_silent_dns_is_no_fault_of_the_picture(nest: Nest, web: Web) -> None:
    nest.zone.failing.add(HOST)
    found = look(nest)
    assert found.state == "unknown"
    assert found.has("bimi-picture-unreached", "bimi-cert-unreached")
