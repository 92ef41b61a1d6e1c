"""Designs and people that several tests share."""

from dataclasses import replace

from app.rendering.compiled import CompiledDesign, Link
from app.rendering.merge import PersonContext

FRAME = (
    '<mjml lang="en"><mj-head><mj-title>Hello</mj-title></mj-head>'
    "<mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"
)

ADA = PersonContext(
    subscriber={"email": "ada@example.com", "first_name": "Ada", "city": "Oslo", "items": ["tea", "ink"]},
    links_prefix="https://t.example.com/c/AbCdEf0123456789AbCdEf/",
    pixel_url="https://t.example.com/o/AbCdEf0123456789AbCdEf.gif",
    unsubscribe_url="https://t.example.com/u/AbCdEf0123456789AbCdEf",
    preferences_url="https://t.example.com/p/AbCdEf0123456789AbCdEf",
    view_url="https://t.example.com/v/AbCdEf0123456789AbCdEf",
    campaign={"name": "Spring"},
    workspace={"name": "Garden Club", "postal_address": "1 Orchard Road, Oslo"},
)


def mjml(content: str) -> str:
    """A whole design around the content of one column."""
    return FRAME.format(content)


def plain_design(html: str, text: str = "", links: tuple[Link, ...] = (), preheader: str = "") -> CompiledDesign:
    """A compiled design from parts written by hand."""
    return CompiledDesign(html, text, links, (), len(html), preheader)


def person(**subscriber: object) -> PersonContext:
    """Ada with other data."""
    return replace(ADA, subscriber=subscriber)
