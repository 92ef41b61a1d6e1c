"""The starters are what they promise: complete, readable in light and dark, free of third parties."""

import re
from typing import Any

import pytest
from lxml import etree
from lxml.cssselect import CSSSelector

from app.core.errors import NotFound
from app.rendering.design import compile_design
from app.rendering.lint import lint
from app.rendering.merge import Personaliser, check_template
from app.rendering.starters import list_starters, load_starter
from app.rendering.system import list_system, render_system, sample_context
from tests.rendering.samples import ADA

SLUGS = [starter.slug for starter in list_starters()]


def test_there_are_four_in_the_order_they_are_offered() -> None:
    assert SLUGS == ["newsletter", "announcement", "product-offer", "plain-letter"]
    with pytest.raises(NotFound, match="newsletter, announcement"):
        load_starter("../system")


@pytest.mark.parametrize("slug", SLUGS)
def test_a_starter_has_no_findings_and_a_whole_footer(slug: str) -> None:
    starter = load_starter(slug)
    design = compile_design(starter.mjml)
    findings = lint(design, mjml=starter.mjml, subject=starter.subject)
    # The example links are there to be replaced, and the review says so.
    assert {finding.code for finding in findings} == {"placeholder-link"}
    assert check_template(starter.mjml, known_fields=[]) == check_template(starter.subject, known_fields=[]) == []
    for field in ("unsubscribe_url", "preferences_url", "view_url", "workspace.postal_address", "workspace.name"):
        assert field in design.fields
        assert field in design.text
    assert "because you subscribed" in " ".join(design.text.split())
    assert design.size_bytes < 30_000
    assert design.preheader
    assert all(link.url.startswith("https://www.example.com/") for link in design.links)
    assert not re.search(r"<img|url\(|@import|<link", design.html)


def test_the_newsletter_is_of_the_usual_size() -> None:
    design = compile_design(load_starter("newsletter").mjml)
    assert len(design.links) >= 6
    assert 18_000 < design.size_bytes < 26_000


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("slug", [*SLUGS, *list_system()])
def test_text_has_contrast_and_size(slug: str, dark: bool) -> None:
    page = etree.fromstring(html_of(slug), etree.HTMLParser())
    assert page.get("lang") == "en"
    assert page.findtext("head/title")
    assert all(table.get("role") == "presentation" or table.find(".//th") is not None for table in page.iter("table"))
    if dark:
        apply_dark(page)
    seen = 0
    for element in page.find("body").iter():
        own = [element.text or "", *(child.tail or "" for child in element)]
        if isinstance(element.tag, str) and "".join(own).strip("\u200a \n\xa0"):
            if "display:none" in (element.get("style") or ""):
                continue
            seen += 1
            words = "".join(own).strip()
            ink, paper = inherited(element, "color", "#000000"), inherited(element, "background-color", "#ffffff")
            assert contrast(ink, paper) >= 4.5, (words, ink, paper)
            assert float(inherited(element, "font-size", "16px").removesuffix("px")) >= 14, words
    assert seen > 5


@pytest.mark.parametrize("name", list_system())
def test_system_mails_are_complete(name: str) -> None:
    context = sample_context(name)
    mail = render_system(name, context)
    assert not re.search(r"\{\{|\{%|None", mail.subject + mail.text + mail.html)
    addresses = [value for key, value in context.items() if key.endswith("_url")]
    assert addresses
    for address in addresses:
        assert address in mail.text
        assert f'href="{address}"' in mail.html
    assert context["workspace"]["postal_address"] in mail.html
    assert mail.text.isascii()
    with pytest.raises(Exception, match="needs title"):
        render_system(name, {key: value for key, value in context.items() if key != "title"})


def test_a_system_mail_escapes_what_people_typed() -> None:
    context = sample_context("confirm-subscription") | {"list_name": "<img src=x>\r\nBcc: eve@example.com"}
    mail = render_system("confirm-subscription", context)
    assert "<img" not in mail.html
    assert mail.subject == "Please confirm: <img src=x> Bcc: eve@example.com"
    with pytest.raises(NotFound):
        render_system("nope", {})


def html_of(slug: str) -> str:
    if slug in list_system():
        return render_system(slug, sample_context(slug)).html
    return Personaliser(compile_design(load_starter(slug).mjml), subject="s").render(ADA).html


def apply_dark(page: Any) -> None:
    """Write the rules of the dark scheme into the elements they are for."""
    style = next(style.text for style in page.iter("style") if "prefers-color-scheme" in (style.text or ""))
    inner = re.search(r"prefers-color-scheme: dark\) \{(.*)\}", style, re.DOTALL)
    assert inner
    for selectors, rules in re.findall(r"([^{}]+)\{([^{}]*)\}", inner.group(1)):
        for element in CSSSelector(selectors.strip())(page):
            element.set("style", f"{element.get('style') or ''};{rules.replace('!important', '')}")


def inherited(element: Any, name: str, otherwise: str) -> str:
    for ancestor in (element, *element.iterancestors()):
        found = re.findall(rf"(?:^|;)\s*{name}\s*:\s*([^;]+)", ancestor.get("style") or "")
        if found and found[-1].strip() not in ("transparent", "inherit"):
            return str(found[-1].strip())
        if name == "background-color" and ancestor.get("bgcolor"):
            return str(ancestor.get("bgcolor"))
    return otherwise


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour.strip().lstrip("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
