"""Merge: one person's mail out of a compiled design. Everything that can be done once is done at construction.

Pieces of the bodies are quoted-printable already (see quoted.py), so a person costs one call of the template engine for
the values, a look-up per field and two joins.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from app.rendering.compiled import CompiledDesign
from app.rendering.engine import Engine
from app.rendering.errors import DesignError, Problem, position
from app.rendering.expressions import ADDRESSES, SUBSCRIBER_KEYS
from app.rendering.filters import did_you_mean
from app.rendering.plan import PIXEL, PREFERENCES, PREFIX, UNSUBSCRIBE, VIEW, Part, Sources, lay_out, read_sources
from app.rendering.protect import quiet
from app.rendering.quoted import quote, quote_value
from app.rendering.templates import expressions, parse

BUILT_IN = ADDRESSES | {
    *(f"subscriber.{key}" for key in SUBSCRIBER_KEYS),
    *("campaign.name", "workspace.name", "workspace.postal_address"),
}
"""Merge fields that every mail has."""

_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PIXEL = '<img src="', '" width="1" height="1" alt="" style="display:block;border:0;width:1px;height:1px">'
_PIXEL_QP = quote(_PIXEL[0]), quote(_PIXEL[1])


@dataclass(slots=True)
class PersonContext:
    """What differs from one recipient to the next. Tracked addresses are `links_prefix` + the link's suffix.

    `sign_link` makes the tracked address of a personal link from its index and its rendered target. Not frozen, as
    everything that is made once per message: freezing these three would cost a fifteenth of composing.
    """

    subscriber: Mapping[str, object]
    links_prefix: str = ""
    pixel_url: str | None = None
    unsubscribe_url: str = ""
    preferences_url: str = ""
    view_url: str = ""
    campaign: Mapping[str, object] = field(default_factory=dict)
    workspace: Mapping[str, object] = field(default_factory=dict)
    sign_link: Callable[[int, str], str] | None = None
    track_links: bool = True
    mail: Mapping[str, object] = field(default_factory=dict)
    """Values of a system mail (`app/rendering/system.py`); campaigns have none."""


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """A mail as people read it: for the preview, test mails and the web view."""

    subject: str
    preheader: str
    html: str
    text: str


@dataclass(slots=True)
class WireParts:
    """A mail's subject, and its bodies as they travel: quoted-printable, CRLF, lines of at most 76 characters."""

    subject: str
    text_qp: bytes
    html_qp: bytes


def check_template(source: str, *, known_fields: Collection[str]) -> list[Problem]:
    """Every merge field that nobody has, or the one mistake that keeps the tags from being read.

    `known_fields` are the workspace's attributes, as `city` or `subscriber.city`; the built-in fields are always known.
    """
    try:
        nodes = parse(quiet(source))
    except DesignError as error:
        return [Problem(error.message, error.line or 1, error.column or 1)]
    known = BUILT_IN | {name if "." in name else f"subscriber.{name}" for name in known_fields}
    return [
        Problem(f'There is no merge field "{name}".{did_you_mean(name, known)}', *position(source, tag.start), name)
        for tag in expressions(nodes)
        for name in tag.fields
        if name not in known and ".".join(name.split(".")[:2]) not in known
    ]


class Personaliser:
    """One design of one variant, made ready once; then a mail per person. Threads may share it."""

    def __init__(
        self, design: CompiledDesign, *, subject: str, preheader: str = "", link_targets: Sequence[str] = ()
    ) -> None:
        if link_targets and len(link_targets) != len(design.links):
            raise ValueError(f"{len(link_targets)} link targets for a design with {len(design.links)} links")
        sources = read_sources(design, subject, preheader)
        self._untracked = _Press(sources, design, None)
        self._tracked = self._untracked
        if design.links and link_targets:
            self._tracked = _Press(sources, design, link_targets)

    def render(self, person: PersonContext) -> RenderedEmail:
        """The mail in plain text, with newlines as line ends. Raises RenderError."""
        return self._press(person).render(person)

    def render_wire(self, person: PersonContext) -> WireParts:
        """The mail's bodies ready to travel. Raises RenderError."""
        return self._press(person).render_wire(person)

    def _press(self, person: PersonContext) -> "_Press":
        return self._tracked if person.track_links else self._untracked


class _Press:
    """A plan with its engine and its fixed text in both forms."""

    def __init__(self, sources: Sources, design: CompiledDesign, targets: Sequence[str] | None) -> None:
        self._plan = plan = lay_out(sources, design.links, targets)
        self._links, self._targets = design.links, targets
        self._engine = Engine(plan)
        self._html = _interleaved([quote(text) for text in plan.html.texts])
        self._text = _interleaved([quote(text) for text in plan.text.texts])
        self._used = sorted({*plan.html.slots, *plan.text.slots} - plan.markup.keys() - {PIXEL})

    def render(self, person: PersonContext) -> RenderedEmail:
        plan, values = self._plan, self._values(person)
        escaped = {number: value if number in plan.markup else escape(value) for number, value in values.items()}
        escaped[PIXEL] = _pixel(person)
        return RenderedEmail(
            subject=_one_line(_join(plan.subject, values)),
            preheader=_one_line(_join(plan.preheader, values)),
            html=_join(plan.html, escaped),
            text=_join(plan.text, values),
        )

    def render_wire(self, person: PersonContext) -> WireParts:
        plan, values = self._plan, self._values(person)
        text: dict[int, bytes] = {PIXEL: b""}
        html: dict[int, bytes] = {PIXEL: _pixel_qp(person)}
        for number in self._used:
            text[number], html[number] = quote_value(values[number])
        for number in plan.markup:
            html[number] = quote(values[number])
        html_body, text_body = self._html.copy(), self._text.copy()
        html_body[1::2] = [html[number] for number in plan.html.slots]
        text_body[1::2] = [text[number] for number in plan.text.slots]
        return WireParts(_one_line(_join(plan.subject, values)), b"".join(text_body), b"".join(html_body))

    def _values(self, person: PersonContext) -> dict[int, str]:
        """What stands in every slot, not yet escaped."""
        engine, plan = self._engine, self._plan
        context = engine.context(
            {
                "subscriber": person.subscriber,
                "campaign": person.campaign,
                "workspace": person.workspace,
                "mail": person.mail,
            }
        )
        for name in engine.addresses:
            context[name] = getattr(person, name)
        personal = self._personal_links(person, context) if plan.personal else {}
        if engine.links_in_blocks:
            context |= self._links_for_blocks(person, personal)
        values = engine.fill(context)
        values |= personal
        values[PREFIX], values[UNSUBSCRIBE] = person.links_prefix, person.unsubscribe_url
        values[PREFERENCES], values[VIEW], values[PIXEL] = person.preferences_url, person.view_url, ""
        return values

    def _personal_links(self, person: PersonContext, context: dict[str, Any]) -> dict[int, str]:
        urls = self._engine.fill_links(context)
        sign = person.sign_link if self._targets is not None else None
        if sign is None:
            return urls
        links = self._plan.personal
        return {number: url if url == "#" else sign(links[number].index, url) for number, url in urls.items()}

    def _links_for_blocks(self, person: PersonContext, personal: Mapping[int, str]) -> dict[str, str]:
        known = {link.index: personal[number] for number, link in self._plan.personal.items()}
        for link in self._links:
            if link.index in self._engine.links_in_blocks and link.index not in known:
                suffix = self._targets[link.index] if self._targets is not None else None
                known[link.index] = link.url if suffix is None else person.links_prefix + suffix
        return {f"link_{index}": address for index, address in known.items()}


def _interleaved(texts: list[bytes]) -> list[bytes]:
    pieces = [b""] * (len(texts) * 2 - 1)
    pieces[::2] = texts
    return pieces


def _join(part: Part, values: Mapping[int, str]) -> str:
    if not part.slots:
        return part.texts[0]
    pieces = [""] * (len(part.texts) * 2 - 1)
    pieces[::2] = part.texts
    pieces[1::2] = [values[number] for number in part.slots]
    return "".join(pieces)


def _one_line(text: str) -> str:
    """Fit for a header: whatever could end a line there has become one blank."""
    return text.strip() if text.isprintable() and "  " not in text else _BLANKS.sub(" ", text).strip()


def _pixel(person: PersonContext) -> str:
    return escape(person.pixel_url).join(_PIXEL) if person.pixel_url else ""


def _pixel_qp(person: PersonContext) -> bytes:
    return quote_value(person.pixel_url)[1].join(_PIXEL_QP) if person.pixel_url else b""
