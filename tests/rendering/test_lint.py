"""Findings before a send: each is found, and a good design has none."""

from dataclasses import replace

import pytest

from app.rendering.design import compile_design
from app.rendering.lint import has_postal_address, has_unsubscribe_link, lint
from tests.rendering.samples import mjml

FOOTER = '<mj-text>{{ workspace.postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>'


def codes(content: str, *, footer: str = FOOTER, subject: str = "") -> dict[str, str]:
    source = mjml(content + footer)
    return {finding.code: finding.level for finding in lint(compile_design(source), mjml=source, subject=subject)}


@pytest.mark.parametrize(
    ("content", "code", "level"),
    [
        ('<mj-image src="https://www.example.com/a.png" />', "missing-alt", "warning"),
        ('<mj-text><a href="">x</a></mj-text>', "empty-link", "error"),
        ('<mj-text><a href="#">x</a></mj-text>', "empty-link", "error"),
        ('<mj-text><a href="www.example.com">x</a></mj-text>', "relative-link", "error"),
        ('<mj-text><a href="http://localhost:5000/">x</a></mj-text>', "local-link", "error"),
        ('<mj-text><a href="https://192.0.2.1/">x</a></mj-text>', "bare-ip-link", "warning"),
        ('<mj-text><a href="http://aviary.example.com/">x</a></mj-text>', "http-link", "warning"),
        ('<mj-text><a href="https://www.example.com/"></a></mj-text>', "link-without-text", "warning"),
        ('<mj-text><a href="https://www.example.com/">Click here</a></mj-text>', "vague-link", "warning"),
        ("<mj-text>Hi {{ subscriber.first_name }}</mj-text>", "missing-fallback", "warning"),
        ("<mj-text>" + "words " * 16_000 + "</mj-text>", "large", "warning"),
        ("<mj-text>" + "words " * 18_000 + "</mj-text>", "too-large", "error"),
    ],
)
def test_findings(content: str, code: str, level: str) -> None:
    assert codes(content)[code] == level
    assert code not in codes("<mj-text>Good words</mj-text>")


def test_mails_of_images_only_and_of_nothing() -> None:
    image = '<mj-image src="https://www.example.com/a.png" alt="Sale" />'
    assert "image-only" in codes(image, footer="")
    assert "image-only" not in codes(image + "<mj-text>" + "words that say it too " * 4 + "</mj-text>")
    assert codes("<mj-spacer />", footer="")["no-text"] == "error"


def test_personal_fields_need_a_fallback_or_a_condition() -> None:
    assert codes('<mj-text>Hi {{ subscriber.first_name | fallback("you") }} at {{ subscriber.email }}</mj-text>') == {}
    assert codes("<mj-text>{% if subscriber.city %}in {{ subscriber.city }}{% endif %}</mj-text>") == {}
    source = mjml("\n\n<mj-text>Hi {{ subscriber.first_name }}</mj-text>" + FOOTER)
    [finding] = lint(compile_design(source), mjml=source)
    assert finding.line == 3
    assert 'subscriber.first_name | fallback("friend")' in finding.message
    assert "missing-fallback" in codes("<mj-text>x</mj-text>", subject="{{ subscriber.city }}")
    assert codes("<mj-text>x</mj-text>", subject="{{ nope }}")["bad-merge-tag"] == "error"


def test_alt_findings_name_the_line_of_the_image() -> None:
    source = mjml('<mj-image src="a.png" alt="a" />\n<mj-image\n src="b.png" />' + FOOTER)
    [line] = [finding.line for finding in lint(compile_design(source), mjml=source) if finding.code == "missing-alt"]
    assert line == 2


def test_the_footer_is_checked_in_both_parts() -> None:
    good, bare = compile_design(mjml(FOOTER)), compile_design(mjml("<mj-text>x</mj-text>"))
    assert has_unsubscribe_link(good)
    assert has_postal_address(good)
    assert not has_unsubscribe_link(bare)
    assert not has_postal_address(bare)
    assert not has_unsubscribe_link(replace(good, text="no way out"))
    assert {"no-unsubscribe-link", "no-postal-address"} <= codes("<mj-text>x</mj-text>", footer="").keys()
    assert not lint(bare, marketing=False)


def test_title_and_language_are_for_screen_readers() -> None:
    design = compile_design(
        "<mjml><mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    assert {finding.code for finding in lint(design, marketing=False)} == {"no-title", "no-language"}
