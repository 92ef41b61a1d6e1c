"""Judging a picture by its text: SVG Tiny PS (draft-svg-tiny-ps-abrotman), within what receivers take."""

import math
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from app.core.errors import Invalid
from app.core.visible import visible_line
from app.deliverability.dmarc.xml_text import plain_xml
from app.deliverability.domains.records.dns import Problem, fault, note

LARGEST = 32 * 1024
"""Octets, unpacked."""
READABLE = 2 * LARGEST
"""Of one that is larger, nothing else is said: it has to be made anew."""
LONGEST_TITLE = 64
SMALLEST = 96
"""Pixels, by Gmail's rules."""
_SVG = "http://www.w3.org/2000/svg"
_ELEMENTS = frozenset(
    {
        *("svg", "circle", "defs", "desc", "ellipse", "font", "font-face", "font-face-name", "font-face-src"),
        *("font-face-uri", "g", "glyph", "hkern", "line", "linearGradient", "metadata", "missing-glyph", "path"),
        *("polygon", "polyline", "radialGradient", "rect", "solidColor", "stop", "tbreak", "text", "textArea"),
        *("title", "tspan", "use"),
    }
)
_SCRIPTS = frozenset({"script", "handler", "listener"})
_ANIMATIONS = frozenset(
    {"animate", "animateColor", "animateMotion", "animateTransform", "animation", "discard", "mpath", "set"}
)
_MOST_NAMES = 8
_ELSEWHERE = re.compile(r"url\(\s*[\"']?\s*(?!#)([^)\"']{0,200})", re.IGNORECASE)
_PIXELS = re.compile(r"\s*([0-9]{1,6}(?:\.[0-9]{0,6})?)(?:px)?\s*").fullmatch
_STYLESHEET = b"<?xml-stylesheet"
_REPLACED = "\ufffd".encode()


def judge_picture(svg: bytes) -> list[Problem]:
    """What is wrong with it, and what it is."""
    problems = []
    if len(svg) > LARGEST:
        problems.append(fault("bimi-svg-large", size=_kilobytes(svg), most=LARGEST // 1024))
    if len(svg) > READABLE:
        return problems
    try:
        text = plain_xml(svg)
    except Invalid:
        return [*problems, fault("bimi-svg-doctype")]
    try:
        root = _parsed(svg, text)
    except (etree.XMLSyntaxError, ValueError) as error:
        return [*problems, fault("bimi-svg-unreadable", why=visible_line(str(error)[:200]))]
    name = etree.QName(root)
    if (name.namespace, name.localname) != (_SVG, "svg"):
        return [*problems, fault("bimi-svg-root", name=visible_line(f"{name.localname}, {name.namespace or '–'}"))]
    problems += [*_of_root(root), *_of_title(root), *_of_square(root), *_of_elements(root)]
    problems += _of_references(root, _STYLESHEET in svg or _STYLESHEET in text)
    if not any(problem.is_fault for problem in problems):
        problems.append(note("bimi-svg-fine", size=_kilobytes(svg), title=visible_line(_text(_titles(root)[0]))))
    return problems


def _parsed(svg: bytes, text: bytes) -> Any:
    if svg[:1].isspace() and svg.lstrip().startswith(b"<?xml"):
        raise ValueError("something stands before <?xml")
    if _REPLACED in text and _REPLACED not in svg:
        raise ValueError("its letters are not in the encoding that it names")
    # Nothing is fetched, expanded or guessed at; depth and size have libxml2's own bounds.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)
    return etree.fromstring(text, parser)


def _of_root(root: Any) -> Iterator[Problem]:
    if root.get("version") != "1.2":
        yield fault("bimi-svg-version", value=visible_line(root.get("version", "–")))
    if root.get("baseProfile") != "tiny-ps":
        yield fault("bimi-svg-profile", value=visible_line(root.get("baseProfile", "–")))
    if root.get("x") is not None or root.get("y") is not None:
        yield fault("bimi-svg-position")


def _of_title(root: Any) -> Iterator[Problem]:
    titles = _titles(root)
    if not titles or not _text(titles[0]):
        yield fault("bimi-svg-title")
    elif len(titles) > 1:
        yield fault("bimi-svg-titles")
    elif len(_text(titles[0])) > LONGEST_TITLE:
        yield note("bimi-svg-long-title", count=len(_text(titles[0])), most=LONGEST_TITLE)


def _titles(root: Any) -> list[Any]:
    return list(root.iterchildren(f"{{{_SVG}}}title"))


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _of_square(root: Any) -> Iterator[Problem]:
    numbers = _numbers(root.get("viewBox", ""))
    if len(numbers) != 4 or not all(math.isfinite(number) for number in numbers) or min(numbers[2:]) <= 0:
        yield fault("bimi-svg-viewbox", value=visible_line(root.get("viewBox", "–")))
    elif not math.isclose(numbers[2], numbers[3], rel_tol=0.001):
        yield fault("bimi-svg-square", width=f"{numbers[2]:g}", height=f"{numbers[3]:g}")
    sizes = [_PIXELS(root.get(side, "")) for side in ("width", "height")]
    if not all(size and float(size[1]) >= SMALLEST for size in sizes):
        yield note("bimi-svg-pixels", least=SMALLEST)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        return []


def _of_elements(root: Any) -> Iterator[Problem]:
    scripts, animations, others = dict[str, None](), dict[str, None](), dict[str, None]()
    for element in _drawn(root):
        name = etree.QName(element)
        local = name.localname
        if local in _SCRIPTS:
            scripts[local] = None
        elif local in _ANIMATIONS:
            animations[local] = None
        elif name.namespace != _SVG or local not in _ELEMENTS or (local == "svg" and element is not root):
            others[f"{element.prefix}:{local}" if element.prefix else local] = None
        scripts |= dict.fromkeys(key for key in element.attrib if key.lower().startswith("on"))
    if scripts:
        yield fault("bimi-svg-script", names=_listed(scripts))
    if animations:
        yield fault("bimi-svg-animation", names=_listed(animations))
    if others:
        yield fault("bimi-svg-elements", names=_listed(others))


def _of_references(root: Any, has_stylesheet: bool) -> Iterator[Problem]:
    outside, styled = ["xml-stylesheet"] if has_stylesheet else [], False
    for element in _drawn(root):
        for key, value in element.attrib.items():
            local = etree.QName(key).localname
            styled = styled or key == "style"
            if local in ("href", "src", "base") and not value.strip().startswith("#"):
                outside.append(value.strip() or "–")
            else:
                outside += _ELSEWHERE.findall(value)
    if outside:
        yield fault("bimi-svg-external", value=visible_line(outside[0][:200]))
    if styled:
        yield fault("bimi-svg-style")


def _drawn(root: Any) -> Iterator[Any]:
    """The elements that could be drawn: what stands in metadata is anybody's."""
    waiting = [root]
    while waiting:
        element = waiting.pop()
        yield element
        if element.tag != f"{{{_SVG}}}metadata":
            waiting += reversed(list(element.iterchildren(etree.Element)))


def _listed(names: dict[str, None]) -> str:
    some = list(names)[:_MOST_NAMES]
    return visible_line(", ".join([*some, "…"] if len(names) > _MOST_NAMES else some))


def _kilobytes(svg: bytes) -> str:
    return f"{len(svg) / 1024:.1f}"
