"""Character references to what is no character, wherever a file may have text: read as unknown, or refused in words."""

import io
import re
from contextlib import suppress

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.models import Workspace
from app.core.errors import Invalid
from app.deliverability.dmarc.parse import read_report
from app.deliverability.dmarc.xml_text import without_half_letters
from app.deliverability.domains.bimi.picture import judge_picture
from tests.deliverability.dmarc.samples import newer, older, record
from tests.deliverability.domains.marks import svg

NUMBERS = st.one_of(
    st.integers(0xD800, 0xDFFF),
    st.sampled_from([0, 1, 8, 0xD7FF, 0xE000, 0xFFFE, 0xFFFF, 0x1FFFE, 0xD8000, 0xDFFF0, 0x10FFFF, 0x110000, 2**32]),
    st.integers(0, 2**33),
)
REFERENCES = st.builds(
    lambda form, number, end: form.format(number) + end,
    st.sampled_from(["&#{}", "&#x{:x}", "&#x{:X}", "&#000{}", "&#x00{:x}", "&#X{:x}", "&#-{}", "&# {}"]),
    NUMBERS,
    st.sampled_from([";", ";", ";", "", "g;"]),
).map(str.encode)
REPORTS = (older(record(reason="forwarded")), newer())
PICTURE = svg('<title>Aviary</title><desc id="a">b</desc><text x="1">c</text><g fill="url(#a)">d</g>')


def _places(xml: bytes) -> list[int]:
    """Where a reference can stand: before each text, in each tag, and within quotation marks."""
    return [found.end() for found in re.finditer(rb"[<>]|=\"", xml)]


@given(st.data(), st.lists(REFERENCES, min_size=1, max_size=4))
def test_a_report_with_any_reference_anywhere_is_read_or_refused(data: st.DataObject, references: list[bytes]) -> None:
    xml = data.draw(st.sampled_from(REPORTS))
    for reference in references:
        at = data.draw(st.sampled_from(_places(xml)))
        xml = xml[:at] + reference + xml[at:]
    with suppress(Invalid):
        report = read_report(xml)
        "".join([report.organisation, report.report_id, report.domain, str(report.policy)]).encode()
        repr(report.rows).encode()


@given(st.data(), REFERENCES)
def test_a_picture_with_any_reference_anywhere_is_judged(data: st.DataObject, reference: bytes) -> None:
    at = data.draw(st.sampled_from(_places(PICTURE)))
    for problem in judge_picture(PICTURE[:at] + reference + PICTURE[at:]):
        repr(problem).encode()


@pytest.mark.parametrize("half", ["&#55296;", "&#57343;", "&#xD800;", "&#XdfFF;", "&#x00dabc;", "&#0056000;"])
def test_half_a_letter_costs_itself_only(half: str) -> None:
    report = read_report(
        older(record(selector=f"a{half}", envelope=f"{half}.test"), record(ip=half), org=f"{half}Nest")
    )
    assert report.organisation == "\ufffdNest"
    assert ([row.source_ip for row in report.rows], report.unreadable) == (["192.0.2.7"], 1)


@pytest.mark.parametrize(
    "letter", [b"&#55295;", b"&#57344;", b"&#xD7ff;", b"&#xE000;", b"&#xD8000;", b"&#553450;", b"&#x1F426;"]
)
def test_letters_beside_the_halves_stay(letter: bytes) -> None:
    assert without_half_letters(letter) == letter


@pytest.mark.parametrize("place", ["<org_name>", "<domain>", "<report_id>", "<p>", "<source_ip>", "<begin>"])
def test_half_a_letter_in_an_uploaded_file_is_answered(as_ada: FlaskClient, workspace: Workspace, place: str) -> None:
    page = f"/w/{workspace.slug}/settings/domains/reports"
    xml = older().replace(place.encode(), place.encode() + b"&#55296;")
    answer = as_ada.post(page, data={"file": (io.BytesIO(xml), "x.xml")})
    assert answer.status_code == 422  # nobody here has the domain
