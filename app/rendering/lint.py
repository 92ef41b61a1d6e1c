"""Findings about a design before it is sent: what would hurt readers or delivery, each with a code for the pages."""

import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from lxml import etree

from app.rendering.compiled import CompiledDesign
from app.rendering.errors import DesignError, position
from app.rendering.expressions import Expression
from app.rendering.protect import quiet
from app.rendering.templates import Block, Node, Value, expressions, parse

WARN_SIZE, FAIL_SIZE = 90 * 1024, 102 * 1024
"""Bytes of HTML: Gmail clips near 102 KB, and with the end go the unsubscribe link and the pixel."""
FEWEST_WORDS = 10
"""Fewer words than this beside images, and filters take the mail for a picture."""

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_LOCAL = re.compile(r"(?:localhost|.*\.(?:local|localhost|internal)|127\.\d+\.\d+\.\d+|0\.0\.0\.0|::1)")
_PLACEHOLDER = re.compile(r"www\.example\.com")
_VAGUE = frozenset({"click here", "here", "link", "more", "read more", "this", "click"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. An error stops the send, a warning does not; `line` is the author's, where it is known."""

    level: Literal["error", "warning"]
    code: str
    message: str
    line: int | None = None


def lint(
    design: CompiledDesign, *, mjml: str = "", subject: str = "", preheader: str = "", marketing: bool = True
) -> list[Finding]:
    """All findings, errors first. With the source, findings about images and merge tags name its lines."""
    page = etree.fromstring(_TAG.sub(_quiet_tag, design.html), etree.HTMLParser())
    found = [*_size(design), *_links(page, design), *_images(page, mjml), *_words(page, design)]
    found += _fallbacks(quiet(mjml) or design.html, subject, preheader or design.preheader)
    found += _frame(page, design, marketing)
    return sorted(found, key=lambda finding: finding.level)


def has_unsubscribe_link(design: CompiledDesign) -> bool:
    """Whether both parts offer the way out."""
    return all("unsubscribe_url" in _names(part) for part in (design.html, design.text))


def has_postal_address(design: CompiledDesign) -> bool:
    """Whether the mail names the workspace's postal address."""
    return "workspace.postal_address" in design.fields


def _quiet_tag(tag: re.Match[str]) -> str:
    """A merge tag that disturbs no HTML reader."""
    return re.sub(r"[\"'<>&]", "", tag.group())


def _names(template: str) -> set[str]:
    return {name for tag in expressions(parse(template, slots=True)) for name in tag.fields}


def _size(design: CompiledDesign) -> list[Finding]:
    kilobytes = design.size_bytes / 1024
    if design.size_bytes > FAIL_SIZE:
        return [Finding("error", "too-large", f"The HTML has {kilobytes:.0f} KB; Gmail cuts mails off at 102 KB.")]
    if design.size_bytes > WARN_SIZE:
        return [Finding("warning", "large", f"The HTML has {kilobytes:.0f} KB; Gmail cuts mails off at 102 KB.")]
    return []


def _links(page: Any, design: CompiledDesign) -> list[Finding]:
    found: list[Finding] = []
    for anchor in page.iter("a", "area"):
        href = (anchor.get("href") or "").strip()
        text = " ".join(_TAG.sub("", "".join(anchor.itertext())).split()).lower()
        label = text or next((image.get("alt") for image in anchor.iter("img") if image.get("alt")), "")
        if anchor.get("href") is None and anchor.get("name"):
            continue
        if href in ("", "#"):
            found.append(Finding("error", "empty-link", f"The link “{label or 'without text'}” leads nowhere."))
        elif not re.match(r"\{\{|#|[a-z][a-z0-9+.-]*:", href, re.IGNORECASE):
            found.append(Finding("error", "relative-link", f"“{href}” is no full address: begin it with https://."))
        if not label and not _TAG.search("".join(anchor.itertext())):
            found.append(Finding("warning", "link-without-text", f"A link to {_shown(href, design)} has no text."))
        elif text in _VAGUE:
            found.append(Finding("warning", "vague-link", f"“{text}” does not say where the link leads."))
    for link in design.links:
        host = (urlsplit(_TAG.sub("x", link.url)).hostname or "") if "://" in link.url else ""
        if _LOCAL.fullmatch(host):
            found.append(Finding("error", "local-link", f"{link.url} exists on one machine only."))
        elif _PLACEHOLDER.fullmatch(host):
            found.append(
                Finding(
                    "warning", "placeholder-link", f"{link.url} is the starter's example: put your own address there."
                )
            )
        elif re.fullmatch(r"\d+\.\d+\.\d+\.\d+", host):
            found.append(
                Finding("warning", "bare-ip-link", f"{link.url} has no domain name; Outlook refuses such links.")
            )
        elif link.url.startswith("http://"):
            found.append(
                Finding("warning", "http-link", f"{link.url} is not encrypted: use https:// if the site has it.")
            )
    return found


def _shown(href: str, design: CompiledDesign) -> str:
    slot = re.fullmatch(r"\{\{ link_(\d+) \}\}", href)
    return design.links[int(slot.group(1))].url if slot else href or "nowhere"


def _images(page: Any, mjml: str) -> list[Finding]:
    lines = [
        position(mjml, tag.start())[0]
        for tag in re.finditer(r"<(?:mj-image|img)\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", mjml)
        if not re.search(r"\salt\s*=", tag.group())
    ]
    missing = [image for image in page.iter("img") if image.get("alt") is None]
    found = []
    for number, image in enumerate(missing):
        source = image.get("src") or "without address"
        line = lines[number] if number < len(lines) else None
        message = f'The image {source[:80]} has no alt text; write alt="" if it is only decoration.'
        found.append(Finding("warning", "missing-alt", message, line))
    return found


def _words(page: Any, design: CompiledDesign) -> list[Finding]:
    words = re.findall(r"\w{2,}", re.sub(r"\(\s*\)|https?://\S+", "", _TAG.sub(" ", design.text)))
    images = sum(1 for _ in page.iter("img"))
    if not design.text.strip():
        return [Finding("error", "no-text", "The mail has no words, so the plain text part is empty.")]
    if images and len(words) < FEWEST_WORDS * images:
        return [Finding("warning", "image-only", "The mail is nearly all images: people who block images see nothing.")]
    return []


def _fallbacks(body: str, subject: str, preheader: str) -> list[Finding]:
    found: list[Finding] = []
    for where, source in (("", body), ("subject", subject), ("preheader", preheader)):
        try:
            nodes = parse(source, slots=True)
        except DesignError as error:
            found.append(Finding("error", "bad-merge-tag", f"{where or 'content'}: {error.message}", error.line))
            continue
        for tag in _bare(nodes, frozenset()):
            place = f" in the {where}" if where else ""
            line = None if where else position(source, tag.start)[0]
            message = f'{tag.fields[0]}{place} has no fallback: write {{{{ {tag.fields[0]} | fallback("friend") }}}}.'
            found.append(Finding("warning", "missing-fallback", message, line))
    return found


def _bare(nodes: tuple[Node, ...], sure: frozenset[str]) -> list[Expression]:
    """Values that show a personal field with neither a fallback nor a condition that makes sure of it."""
    found: list[Expression] = []
    for node in nodes:
        if isinstance(node, Value):
            tag = node.expression
            personal = [name for name in tag.fields if name.startswith("subscriber.") and name != "subscriber.email"]
            if personal and not {"fallback", "default"} & set(tag.filters) and not set(personal) <= sure:
                found.append(tag)
        elif isinstance(node, Block):
            for arm in node.branches:
                tested = frozenset(arm.expression.fields) if arm.expression is not None else frozenset()
                found += _bare(arm.body, sure | tested)
    return found


def _frame(page: Any, design: CompiledDesign, marketing: bool) -> list[Finding]:
    found: list[Finding] = []
    if marketing and not has_unsubscribe_link(design):
        message = 'There is no unsubscribe link: add <a href="{{ unsubscribe_url }}">Unsubscribe</a>.'
        found.append(Finding("error", "no-unsubscribe-link", message))
    if marketing and not has_postal_address(design):
        message = "There is no postal address: add {{ workspace.postal_address }} to the footer."
        found.append(Finding("error", "no-postal-address", message))
    if not (page.findtext("head/title") or "").strip():
        found.append(Finding("warning", "no-title", "The mail has no title: add <mj-title> for screen readers."))
    if page.get("lang") in (None, "", "und"):
        message = 'The mail does not name its language: write <mjml lang="en"> for screen readers.'
        found.append(Finding("warning", "no-language", message))
    return found
