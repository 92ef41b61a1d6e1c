"""One person's mail: merge tags, links, the bytes on the wire, and what must never get through."""

import quopri
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rendering.compiled import Link
from app.rendering.errors import DesignError, RenderError
from app.rendering.merge import Personaliser, PersonContext, RenderedEmail, WireParts, check_template
from tests.rendering.samples import ADA, person, plain_design
from tests.rendering.test_quoted import assert_fit_for_the_wire

TWO_LINKS = (Link(0, "https://www.example.com/a?x=1&y=2", "A"), Link(1, "https://www.example.com/b", "B"))


def render(html: str, who: PersonContext = ADA, *, subject: str = "Hi", text: str = "") -> RenderedEmail:
    return Personaliser(plain_design(html, text or html), subject=subject).render(who)


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("{{ subscriber.first_name }}", "Ada"),
        ("{{ subscriber['first_name'] }}", "Ada"),
        ("{{ subscriber.nothing }}", ""),
        ("{{ subscriber.nothing.deeper }}", ""),
        ("{{ subscriber.none }}", ""),
        ('{{ subscriber.nothing | fallback("friend") }}', "friend"),
        ('{{ subscriber.blank | fallback("friend") }}', "friend"),
        ('{{ subscriber.none | default("friend") | upper }}', "FRIEND"),
        ("{{ subscriber.none | upper }}", ""),
        ("{{ subscriber.count | number }}", "12,431"),
        ("{{ subscriber.price | number(2) }}", "9.50"),
        ("{{ subscriber.whole }}", "3"),
        ("{{ subscriber.born | date('%-d.%-m.%Y') }}", "5.3.1980"),
        ("{{ subscriber.name | title }}", "Ann O'neil"),
        ("{{ subscriber.tags }}", "a, b"),
        ("{{ subscriber.vip }}", "yes"),
        ("{{ subscriber.address.city }}", "Oslo"),
        ("{{ subscriber['favourite colour'] }}", "teal"),
        ("{% if subscriber.count > 3 and not subscriber.none %}many{% else %}few{% endif %}", "many"),
        ("{% if subscriber.name is defined %}a{% elif true %}b{% endif %}", "a"),
        ("{% if 'a' in subscriber.tags %}a{% endif %}", "a"),
        ("{% for tag in subscriber.tags %}{{ loop.index }}{{ tag }} {% endfor %}", "1a 2b "),
        ("{% for tag in subscriber.nothing %}x{% else %}none{% endfor %}", "none"),
        ("{{ 'yes' if subscriber.vip else 'no' }}", "yes"),
        ("a  {{- subscriber.whole -}}  b", "a3b"),
        ("{# a note #}{% raw %}{{ as it stands }}{% endraw %}", "{{ as it stands }}"),
        ("{{ unsubscribe_url }}", "https://t.example.com/u/AbCdEf0123456789AbCdEf"),
        ("{{ workspace.postal_address }} {{ campaign.name | lower }}", "1 Orchard Road, Oslo spring"),
    ],
)
def test_merge_tags_show_what_the_person_has(tag: str, shown: str) -> None:
    who = person(
        first_name="Ada",
        none=None,
        blank="  ",
        count=12431,
        price="9.5",
        whole=3.0,
        born="1980-03-05",
        name="ann o'neil",
        tags=["a", "b"],
        vip=True,
        address={"city": "Oslo"},
        **{"favourite colour": "teal"},
    )
    assert render("x", who, text=tag).text.removesuffix("\n") == shown


def test_values_are_escaped_in_html_but_not_in_text_and_subject() -> None:
    who = person(first_name='<script>alert("1")</script> & {{ subscriber.email }}{% if %}')
    mail = render(
        "<p>{{ subscriber.first_name }}</p>{% if true %}{{ subscriber.first_name }}{% endif %}",
        who,
        subject="{{ subscriber.first_name }}",
        text="{{ subscriber.first_name }}",
    )
    assert "<script" not in mail.html
    assert (
        mail.html.count("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; {{ subscriber.email }}{% if %}") == 2
    )
    assert mail.text == who.subscriber["first_name"] + "\n"  # type: ignore[operator]
    assert mail.subject == who.subscriber["first_name"]


def test_a_subject_never_ends_a_header_line() -> None:
    who = person(first_name="Ada\r\nBcc: eve@example.com\x0b\u2028x\x00")
    mail = render("x", who, subject="Hi\n {{ subscriber.first_name }}")
    assert mail.subject == "Hi Ada Bcc: eve@example.com x"
    assert Personaliser(plain_design("x"), subject="{{ subscriber.first_name }}").render_wire(who).subject.isprintable()


def test_tracked_links_are_prefix_and_suffix_in_both_parts() -> None:
    design = plain_design(
        '<a href="{{ link_0 }}">A</a><a href="{{ link_1 }}">B</a>{{ pixel }}', "{{ link_1 }}", TWO_LINKS
    )
    personaliser = Personaliser(design, subject="s", link_targets=["0.x&y", "1.z"])
    mail = personaliser.render(ADA)
    assert f'<a href="{ADA.links_prefix}0.x&amp;y">A</a><a href="{ADA.links_prefix}1.z">' in mail.html
    assert f'<img src="{ADA.pixel_url}" width="1" height="1" alt=""' in mail.html
    assert mail.text == f"{ADA.links_prefix}1.z\n"
    untracked = personaliser.render(replace(ADA, track_links=False, pixel_url=None))
    assert 'href="https://www.example.com/a?x=1&amp;y=2"' in untracked.html
    assert "<img" not in untracked.html
    assert Personaliser(design, subject="s").render(ADA).text == "https://www.example.com/b\n"


def test_links_inside_conditions_are_tracked_too() -> None:
    html = '{% if subscriber.city %}<a href="{{ link_0 }}">A</a>{% endif %}'
    personaliser = Personaliser(plain_design(html, html, TWO_LINKS), subject="s", link_targets=["0&", "1"])
    assert personaliser.render(ADA).html == f'<a href="{ADA.links_prefix}0&amp;">A</a>\n'
    assert personaliser.render(person()).html == "\n"


def test_personal_links_are_rendered_then_signed() -> None:
    links = (
        Link(0, "https://www.example.com/?u={{ subscriber.email }}&n={{ subscriber.first_name }}", "mine"),
        Link(1, "{{ subscriber.site }}", "site"),
    )
    html = '<a href="{{ link_0 }}"></a>{% if true %}<a href="{{ link_1 }}"></a>{% endif %}'
    personaliser = Personaliser(plain_design(html, "x", links), subject="s", link_targets=["", ""])
    seen: list[tuple[int, str]] = []

    def sign(index: int, url: str) -> str:
        seen.append((index, url))
        return f"https://t.example.com/signed/{index}?a&b"

    who = replace(
        person(email="a+b@example.com", first_name="A & B/ü", site="https://ada.example.com/ö?q=1"), sign_link=sign
    )
    mail = personaliser.render(who)
    assert seen == [
        (0, "https://www.example.com/?u=a%2Bb%40example.com&n=A%20%26%20B%2F%C3%BC"),
        (1, "https://ada.example.com/%C3%B6?q=1"),
    ]
    assert mail.html.count("signed/0?a&amp;b") == mail.html.count("signed/1?a&amp;b") == 1
    hostile = personaliser.render(replace(who, subscriber={"site": " JavaScript:alert(1)"}))
    assert 'href="#"' in hostile.html
    plain = personaliser.render(replace(who, sign_link=None))
    assert "https://ada.example.com/%C3%B6?q=1" in plain.html


def test_the_campaigns_preheader_replaces_the_designs() -> None:
    design = plain_design("<body>{{ preheader }}</body>", preheader="from the design")
    assert "from the design</div>" in Personaliser(design, subject="s").render(ADA).html
    mail = Personaliser(
        design, subject="s", preheader="<for> {{ subscriber.city }}{% if true %} & more{% endif %}"
    ).render(replace(ADA, subscriber={"city": "<Oslo>"}))
    assert "&lt;for&gt; &lt;Oslo&gt; &amp; more</div>" in mail.html
    assert mail.preheader == "<for> <Oslo> & more"
    assert "<div" not in Personaliser(plain_design("{{ preheader }}"), subject="s").render(ADA).html


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("a\n{{ subscriber.name", "never closed"),
        ("a\n{{ subscriber.name | nope }}", 'no filter "nope"'),
        ("a\n{{ subscriber.name | safe }}", "safe is not available"),
        ("a\n{{ name }}", "subscriber.name"),
        ("a\n{{ subscriber }}", "alone is not a field"),
        ("a\n{{ subscriber.__class__ }}", "__class__"),
        ("a\n{{ subscriber['__class__'] }}", "__class__"),
        ("a\n{{ subscriber.items() }}", "no functions"),
        ("a\n{{ subscriber.name.upper() }}", "no functions"),
        ("a\n{{ range(10) }}", "no functions"),
        ("a\n{% for i in range(10**9) %}x{% endfor %}", "loop walks over a list"),
        ("a\n{% for i in 'abc' %}x{% endfor %}", "loop walks over a list"),
        ("a\n{{ 'a' * 100000 }}", "Multiplication"),
        ("a\n{% set x = 1 %}", "{% set %} is not available"),
        ("a\n{% macro x() %}{% endmacro %}", "not available"),
        ("a\n{% include 'x' %}", "not available"),
        ("a\n{% extends 'x' %}", "not available"),
        ("a\n{% import 'x' as y %}", "not available"),
        ("a\n{% filter upper %}x{% endfilter %}", "not available"),
        ("a\n{% block x %}{% endblock %}", "not available"),
        ("a\n{% if subscriber.a = 1 %}{% endif %}", "write =="),
        ("a\n{% if subscriber.a %}", "never closed"),
        ("a\n{% endif %}", "closes nothing"),
        ("a\n{% if true %}{% for i in subscriber.a %}{% endif %}{% endfor %}", "comes before"),
        ("a\n{% if true %}{% else %}{% else %}{% endif %}", "two {% else %}"),
        ("a\n{{ subscriber.a subscriber.b }}", "cannot be read"),
        ("a\n{{ “x” }}", "typographic"),
        ("a\n{{ }}", "empty"),
        ("a\n{{ link_0 }}", "link_0"),
        ("a\n{% raw %} {{ x }}", "never closed"),
        ("a\n{{ " + "x" * 2000 + " }}", "longer than"),
        ("a\n" + "{% if true %}" * 30 + "{% endif %}" * 30, "inside each other"),
        ("a\n{{ " + "(" * 400 + "1" + ")" * 400 + " }}", "cannot be read"),
    ],
)
def test_what_could_escape_or_never_end_is_refused_with_its_line(source: str, says: str) -> None:
    [problem] = check_template(source, known_fields=["name"])
    assert says in problem.message
    assert problem.line == 2
    assert problem.column >= 1
    with pytest.raises(DesignError, match="line 2"):
        Personaliser(plain_design("x"), subject=source)


def test_unknown_fields_are_all_named_with_a_suggestion() -> None:
    source = "Hi {{ subscriber.nmae }},\n  {% if subscriber.town %}{{ workspace.name }}{{ subscriber.town }}{% endif %}"
    problems = check_template(source, known_fields={"city", "subscriber.points"})
    assert [(problem.field, problem.line, problem.column) for problem in problems] == [
        ("subscriber.nmae", 1, 4),
        ("subscriber.town", 2, 3),
        ("subscriber.town", 2, 47),
    ]
    assert 'Did you mean "subscriber.name"?' in problems[0].message
    assert check_template("{{ subscriber.city | upper }}{{ view_url }}", known_fields={"city"}) == []


def test_a_loop_in_a_loop_ends_quickly_and_says_which() -> None:
    html = "{% for a in subscriber.items %}{% for b in subscriber.items %}{{ a }}{% endfor %}{% endfor %}"
    personaliser = Personaliser(plain_design("{{ subscriber.email }}" + html, "x"), subject="s")
    begun = time.perf_counter()
    with pytest.raises(RenderError, match=r"for … subscriber\.items .* repeats too often"):
        personaliser.render_wire(person(items=["x"] * 2000))
    assert time.perf_counter() - begun < 0.2
    assert personaliser.render(person(items=["x"] * 3)).html == "x" * 9 + "\n"


def test_what_a_loop_repeats_is_bounded_in_bytes() -> None:
    html = "{% for a in subscriber.items %}" + "y" * 20_000 + "{% endfor %}"
    with pytest.raises(RenderError, match="repeats too often"):
        Personaliser(plain_design(html, "x"), subject="s").render_wire(person(items=["x"] * 20_000))


def test_a_tag_that_fails_for_one_person_is_named() -> None:
    personaliser = Personaliser(plain_design("x", "{{ subscriber.a }} {{ 1 / subscriber.b }}"), subject="s")
    assert personaliser.render(person(a=1, b=4)).text == "1 0.25\n"
    with pytest.raises(RenderError) as caught:
        personaliser.render_wire(person(a=1, b=0))
    assert caught.value.tag == "{{ 1 / subscriber.b }}"


def test_nul_and_lone_surrogates_in_values_cannot_move_text_between_slots() -> None:
    personaliser = Personaliser(
        plain_design("x", "1{{ subscriber.a }}2{{ subscriber.b }}3{{ subscriber.c }}4"), subject="s"
    )
    assert personaliser.render(person(a="\0x\0", b="\ud800", c=["\0"])).text == "1x2\ufffd\ufffd\ufffd34\n"


def test_a_wrong_number_of_link_targets_is_refused() -> None:
    with pytest.raises(ValueError, match="1 link targets for a design with 2 links"):
        Personaliser(plain_design("x", "x", TWO_LINKS), subject="s", link_targets=["one"])


def test_threads_may_share_a_personaliser() -> None:
    html = "{{ subscriber.first_name | upper }}{% if true %}{{ subscriber.first_name | lower }}{% endif %}"
    personaliser = Personaliser(plain_design(html, html), subject="{{ subscriber.first_name }}")

    def work(number: int) -> bool:
        name = f"Name{number}"
        return personaliser.render(person(first_name=name)).html == f"{name.upper()}{name.lower()}\n"

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(2000)))


words = st.text(
    alphabet=st.one_of(st.sampled_from(" .\n\r=<>&\"'{}%#-é😀שa\0"), st.characters(exclude_categories=["Cs"])),
    max_size=120,
)
literals = st.one_of(
    words.map(lambda text: text.replace("{", "(").replace("\0", "")),
    st.sampled_from(["\n", ".", " ", "x" * 90, "é" * 30, "a\n.b\n", "{{ '{{' }}", "{# note #}", "=\n"]),
)
tags = st.sampled_from(
    [
        "{{ subscriber.a }}",
        '{{ subscriber.a | fallback("x y") }}',
        "{{- subscriber.b -}}",
        "{{ subscriber.b | upper }}",
        "{{ link_0 }}",
        "{{ link_1 }}",
        "{{ unsubscribe_url }}",
        "{{ pixel }}",
        "{{ preheader }}",
        "{{ view_url | upper }}",
        "{% raw %} {{ raw }} {% endraw %}",
        "{{ 'é=.' }}",
    ]
)
flat = st.lists(st.one_of(literals, tags), max_size=8).map("".join)
blocks = st.one_of(
    st.tuples(flat, flat).map(lambda arms: f"{{% if subscriber.a %}}{arms[0]}{{%- else -%}}{arms[1]}{{% endif %}}"),
    flat.map(lambda body: f"{{% for item in subscriber.items %}}{body}{{{{ item }}}}{{% endfor %}}"),
)
templates = st.lists(st.one_of(literals, tags, blocks), max_size=10).map("".join)


@given(html=templates, text=templates, a=words, b=words, items=st.lists(words, max_size=3), tracked=st.booleans())
def test_the_wire_says_exactly_what_the_preview_shows(
    html: str, text: str, a: str, b: str, items: list[str], tracked: bool
) -> None:
    links = (Link(0, "https://www.example.com/a?x=1&y=é", "A"), Link(1, "https://e.example/{{ subscriber.b }}", "B"))
    personaliser = Personaliser(
        plain_design(html, text, links),
        subject="{{ subscriber.a }}",
        preheader="{{ subscriber.b }}&",
        link_targets=["0=&", "1"],
    )
    who = replace(person(a=a, b=b, items=items), track_links=tracked, sign_link=lambda index, url: f"s{index}:{url}=&")
    shown, wire = personaliser.render(who), personaliser.render_wire(who)
    assert decoded(wire) == (shown.subject, shown.text, shown.html)
    assert_fit_for_the_wire(wire.text_qp)
    assert_fit_for_the_wire(wire.html_qp)
    assert "\0" not in shown.html + shown.text
    assert shown.subject.isprintable() or not any(sign in shown.subject for sign in "\r\n\0")


def decoded(wire: WireParts) -> tuple[str, str, str]:
    text, html = (quopri.decodestring(part).decode().replace("\r\n", "\n") for part in (wire.text_qp, wire.html_qp))
    return wire.subject, text, html


@pytest.mark.parametrize(
    ("tag", "right"),
    [
        ("{{ subscriber.first_name | default: 'you' }}", "| default('you')"),
        ('{{ subscriber.first_name |fallback:"you" }}', '| fallback("you")'),
        ("{{ subscriber.first_name | otherwise: you }}", '| fallback("…")'),
    ],
)
def test_a_filter_with_a_colon_is_told_the_right_form(tag: str, right: str) -> None:
    [problem] = check_template(tag, known_fields=[])
    assert right in problem.message
    assert '":" is not known' not in problem.message


@pytest.mark.parametrize("part", ["subject", "preheader"])
def test_a_mistake_in_a_field_names_the_field(part: str) -> None:
    texts = {"subject": "Ten things", part: "Hello {{ subscriber.first_name | default: 'you' }}"}
    with pytest.raises(DesignError, match=f"^In the {part}, column ") as caught:
        Personaliser(plain_design("Hello"), **texts)
    assert "Line 1" not in str(caught.value)
