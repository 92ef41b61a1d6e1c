"""Compiling: what is refused and where, how links are found, and that nothing calls out."""

import json
import random
import re
import time

import pytest

from app.rendering.design import CompiledDesign, DesignError, compile_design
from app.rendering.merge import Personaliser
from tests.rendering.samples import ADA, mjml, person


def refuse(source: str) -> DesignError:
    with pytest.raises(DesignError) as caught:
        compile_design(source)
    return caught.value


def lines(*content: str) -> str:
    """A design whose content begins in line 2."""
    head = '<mjml lang="en"><mj-body><mj-section><mj-column>'
    return "\n".join((head, *content, "</mj-column></mj-section></mj-body></mjml>"))


@pytest.mark.parametrize(
    ("source", "line", "column", "says"),
    [
        (lines("  <mj-text>a < b</mj-text>"), 2, 14, "write &lt;"),
        (lines("  <mj-text><p>a</mj-text>"), 2, 16, "<p> of line 2, column 12 is still open"),
        (lines("<mj-text>a", "</mj-texte>"), 3, 1, "</mj-texte> comes too early"),
        (lines("<mj-text>x</mj-text", ""), 2, 11, "never closed"),
        (lines("<mj-tex>x</mj-tex>"), 2, 1, 'Did you mean "mj-text"?'),
        (lines('<mj-text colour="red">x</mj-text>'), 2, 10, 'no attribute "colour". Did you mean "color"?'),
        (lines('<mj-text color="red" color="blue">x</mj-text>'), 2, 22, "twice"),
        (lines('<mj-text color="red>x</mj-text>'), 2, 1, "quotation mark"),
        (lines("<mj-text {{ subscriber.a }}>x</mj-text>"), 2, 10, "value of an attribute"),
        (lines("<mj-text>{{ subscriber.a</mj-text>"), 2, 10, "never closed"),
        (lines("<mj-text>ok</mj-text>", " <mj-text>{{ subscriber.a | nope }}</mj-text>"), 3, 29, 'no filter "nope"'),
        (lines("<mj-text>{% set a = 1 %}</mj-text>"), 2, 10, "not available"),
        (lines("stray"), 2, 1, "Text directly in <mj-column>"),
        (lines("{{ subscriber.a }}"), 2, 1, "directly in <mj-column>"),
        (lines("<div>x</div>"), 2, 1, "put it into an <mj-text>"),
        (lines("<mj-text>x<mj-button>y</mj-button></mj-text>"), 2, 11, "does not work inside <mj-text>"),
        (lines("<mj-section></mj-section>"), 2, 1, "does not belong in <mj-column>"),
        (lines("<mj-text>x<script>y</script></mj-text>"), 2, 11, "<script> does not work"),
        (lines("<mj-text>x<form></form></mj-text>"), 2, 11, "<form> does not work"),
        (lines('<mj-text><p onclick="x()">y</p></mj-text>'), 2, 13, "runs a script"),
        (lines("<mj-text><blik>y</blik></mj-text>"), 2, 10, "There is no tag <blik>"),
        (lines('<mj-text><a href="javascript:alert(1)">y</a></mj-text>'), 2, 19, "javascript: is not allowed"),
        (lines('<mj-text><a href=" java\tscri&#112;t:x">y</a></mj-text>'), 2, 19, "javascript: is not allowed"),
        (lines('<mj-button href="data:text/html,x">y</mj-button>'), 2, 18, "data: is not allowed"),
        (lines('<mj-image src="javascript:x" alt="" />'), 2, 16, "javascript: is not allowed"),
        (lines('<mj-include path="/etc/passwd" />'), 2, 1, "cannot be included"),
        (lines("<mj-social><mj-social-element name='github'>x</mj-social-element></mj-social>"), 2, 12, "needs src"),
        (lines("<mj-text>a</mj-text>", "<!-- note"), 3, 1, "comment is never closed"),
        (lines("<mj-text><![CDATA[x]]></mj-text>"), 2, 10, "Declarations"),
        (lines("<mj-text>{% if true %}<p>a{% endif %}</p></mj-text>"), 2, 27, "both must stand between the same tags"),
        (lines("<mj-text>{% if true %}</mj-text>", "<mj-text>{% endif %}</mj-text>"), 3, 10, "between the same tags"),
        (lines('<mj-image src="x" alt="{% if true %}a" />', "<mj-text>{% endif %}</mj-text>"), 2, 24, "same attribute"),
        ('<mjml><mj-head><mj-style>.a{{ "}}" }}</mj-style></mj-head><mj-body></mj-body></mjml>', 1, 28, "styles"),
        ("<mjml>\n<mj-head><mj-font name='x' href='https://x.example'/></mj-head></mjml>", 2, 10, "third party"),
        ("<mjml><mj-body></mj-body>\n<mj-body></mj-body></mjml>", 2, 1, "only one"),
        ("<mjml>\n</mjml>", 1, 1, "no <mj-body>"),
        ("<p>x</p>", 1, 1, "begins with <mjml>"),
        ("hello", 1, 1, "not MJML"),
        ("", 1, 1, "not MJML"),
        ("<mjml><mj-body><mj-wrapper>\n{% if true %}<mj-section></mj-section>{% endif %}</mj-wrapper></mj-body></mjml>",
         2, 1, "cannot stand directly in <mj-wrapper>"),
        ("{% if true %}<mjml><mj-body></mj-body></mjml>{% endif %}", 1, 1, "inside <mjml>"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_the_authors_line_and_column(source: str, line: int, column: int, says: str) -> None:
    error = refuse(source)
    assert says in error.message
    assert (error.line, error.column) == (line, column)


def test_merge_tags_may_hold_what_markup_forbids() -> None:
    design = compile_design(
        mjml(
            '<mj-text>{% if subscriber.age < 3 and subscriber.name != "<b>" %}young{% endif %}'
            '{{ subscriber.name | fallback("a & b > c") }}</mj-text>'
        )
    )
    assert '{% if subscriber.age < 3 and subscriber.name != "<b>" %}young{% endif %}' in design.html
    assert '{{ subscriber.name | fallback("a & b > c") }}' in design.text
    assert "a &amp; b &gt; c" in Personaliser(design, subject="s").render(person(age=2)).html


def test_links_are_numbered_in_order_and_the_same_address_twice_is_two_links() -> None:
    design = compile_design(
        mjml(
            '<mj-text><a href="https://www.example.com/a?x=1&amp;y=2">One <b>link</b></a> '
            '<a href="mailto:a@example.com">mail</a> <a href="tel:+4712345678">call</a> <a href="#top">top</a> '
            '<a href="{{ unsubscribe_url }}">out</a>'
            '</mj-text><mj-button href="https://www.example.com/a?x=1&amp;y=2">Same</mj-button>'
            '<mj-image href="https://www.example.com/i" src="https://www.example.com/i.png" alt="A dove" />'
            '<mj-button css-class="no-track" href="https://www.example.com/private">Private</mj-button>'
            '<mj-text><a href="https://www.example.com/?u={{ subscriber.email }}">{{ subscriber.first_name }}</a>'
            "</mj-text>"
        )
    )
    assert [(link.index, link.url, link.label, link.is_personal) for link in design.links] == [
        (0, "https://www.example.com/a?x=1&y=2", "One link", False),
        (1, "https://www.example.com/a?x=1&y=2", "Same", False),
        (2, "https://www.example.com/i", "A dove", False),
        (3, "https://www.example.com/?u={{ subscriber.email }}", "{{ subscriber.first_name }}", True),
    ]
    assert [design.html.count(f"{{{{ link_{index} }}}}") for index in range(4)] == [1, 1, 1, 1]
    for kept in (
        "mailto:a@example.com",
        "tel:+4712345678",
        "#top",
        "{{ unsubscribe_url }}",
        "https://www.example.com/private",
    ):
        assert f'href="{kept}"' in design.html
    assert {"unsubscribe_url", "subscriber.email", "subscriber.first_name"} <= set(design.fields)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://bücher.example/straße?q=ä b#ö", "https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%A4%20b#%C3%B6"),
        ("HTTPS://user@ШКОЛА.example:8080/", "https://user@xn--80atdl2c.example:8080/"),
        ("https://www.example.com/a%20b?c=%26", "https://www.example.com/a%20b?c=%26"),
    ],
)
def test_addresses_become_ascii(written: str, kept: str) -> None:
    [link] = compile_design(mjml(f'<mj-button href="{written}">x</mj-button>')).links
    assert link.url == kept


@pytest.mark.parametrize("href", ["https://", "http://[::1", "https://a..ü.example/", "https://www.example.com:port/"])
def test_addresses_nobody_could_follow_are_refused(href: str) -> None:
    error = refuse(lines("<mj-text>a</mj-text>", f'<mj-button href="{href}">x</mj-button>'))
    assert (error.line, error.column) == (3, 18)


def test_addresses_in_loops_stay_in_their_place_and_stay_harmless() -> None:
    design = compile_design(
        mjml(
            "<mj-table>{% for item in subscriber.items %}<tr><td>"
            '<a href="{{ item.url }}">{{ item.name }}</a> <a href="https://www.example.com/?q={{ item.name }}">find</a>'
            "</td></tr>{% endfor %}</mj-table>"
        )
    )
    assert design.links == ()
    items = [{"url": "javascript:alert(1)", "name": "<1>"}, {"url": "https://www.example.com/2", "name": "two & 2"}]
    html = Personaliser(design, subject="s").render(person(items=items)).html
    assert re.findall(r'<a href="([^"]*)">([^<]*)', html) == [
        ("#", "&lt;1&gt;"),
        ("https://www.example.com/?q=%3C1%3E", "find"),
        ("https://www.example.com/2", "two &amp; 2"),
        ("https://www.example.com/?q=two%20%26%202", "find"),
    ]


def test_conditions_around_components_show_and_hide_them_whole() -> None:
    source = (
        "<mjml><mj-body>{% if subscriber.vip %}<mj-section><mj-column><mj-text>for you</mj-text></mj-column>"
        "</mj-section>{% endif %}<mj-section><mj-column>{% if subscriber.city %}"
        "<mj-text>from {{ subscriber.city }}</mj-text>{% else %}<mj-text>from somewhere</mj-text>{% endif %}"
        "</mj-column></mj-section></mj-body></mjml>"
    )
    personaliser = Personaliser(compile_design(source), subject="s")
    vip, other = personaliser.render(person(vip=True, city="Oslo")), personaliser.render(person())
    assert vip.text.strip() == "for you\n\nfrom Oslo"
    assert other.text.strip() == "from somewhere"
    for mail in (vip, other):
        for tag in ("table", "tr", "td", "div"):
            assert mail.html.count(f"<{tag}") == mail.html.count(f"</{tag}>")


def test_only_the_authors_styles_are_inlined_and_media_queries_stay() -> None:
    source = (
        "<mjml><mj-head><mj-style>.warm { color: #a00 } a:hover { color: #0a0 } @media print{#foo{color:red}} "
        "@media (prefers-color-scheme: dark) { .warm { color: #fcc !important } }</mj-style></mj-head>"
        '<mj-body><mj-section><mj-column><mj-text><p class="warm">x</p></mj-text>'
        "</mj-column></mj-section></mj-body></mjml>"
    )
    html = compile_design(source).html
    assert re.search(r'<p class="warm" style="color:#a00"', html)
    for kept in ("prefers-color-scheme: dark", "#fcc !important", "a:hover", "min-width:480px"):
        assert kept in html
    assert "border-collapse: collapse" in html
    assert html.count("border-collapse") == 1
    Personaliser(compile_design(source), subject="s").render(ADA)


def test_nothing_in_a_compiled_mail_calls_a_third_party() -> None:
    html = compile_design(mjml('<mj-text font-family="Ubuntu">x</mj-text><mj-button href="#">y</mj-button>')).html
    assert not re.search(r"(?:src|href)=\"http|url\(|@import|googleapis|mailjet", html)


def test_notes_and_comments_do_not_travel() -> None:
    design = compile_design(
        mjml("<!-- {{ secret --><mj-text>a{# also {{ secret #}b<!--[if mso]>c<![endif]--></mj-text>")
    )
    assert "secret" not in design.html + design.text
    assert "<!--[if mso]>c<![endif]-->" in design.html
    assert design.text == "ab\n"


def test_braces_written_as_entities_stay_text() -> None:
    design = compile_design(mjml("<mj-text>&#123;&#123; subscriber.email }} {% raw %}{{ x }}{% endraw %}</mj-text>"))
    assert Personaliser(design, subject="s").render(ADA).text == "{{ subscriber.email }} {{ x }}\n"


def test_the_preview_text_is_kept_apart() -> None:
    preview = '<mj-preview>A &amp; {{ subscriber.first_name|fallback("b") }}</mj-preview>'
    source = f"<mjml><mj-head>{preview}</mj-head><mj-body></mj-body></mjml>"
    design = compile_design(source)
    assert design.preheader == 'A & {{ subscriber.first_name|fallback("b") }}'
    assert Personaliser(design, subject="s").render(ADA).preheader == "A & Ada"


def test_a_compiled_design_survives_json() -> None:
    design = compile_design(mjml('<mj-text>{{ subscriber.a }} <a href="https://www.example.com">é</a></mj-text>'))
    assert CompiledDesign.from_dict(json.loads(json.dumps(design.to_dict()))) == design


def test_size_counts_bytes_and_tracked_addresses() -> None:
    design = compile_design(mjml('<mj-text>é<a href="https://www.example.com">x</a></mj-text>'))
    assert design.size_bytes == len(design.html.encode()) + 90 - len("{{ link_0 }}")


def test_control_characters_are_replaced_not_fatal() -> None:
    assert compile_design(mjml("<mj-text>a\0b\x0bc\ud800\ue000d</mj-text>")).text == "a�b�c��d\n"


def test_too_much_and_too_deep_are_refused_quickly() -> None:
    begun = time.perf_counter()
    assert "400,000 is the most" in refuse(mjml("<mj-text>" + "x" * 1_000_000 + "</mj-text>")).message
    assert (
        "inside each other" in refuse(mjml("<mj-text>" + "<div>" * 20_000 + "</div>" * 20_000 + "</mj-text>")).message
    )
    refuse(mjml("<mj-text>" + "{{" * 100_000 + "</mj-text>"))
    refuse(mjml("<mj-text>" + "<a " * 100_000 + "</mj-text>"))
    refuse(mjml("<mj-text " + 'a="1" ' * 50_000 + ">x</mj-text>"))
    refuse(mjml("<mj-text>" + '<p a="' * 60_000 + "</mj-text>"))
    assert time.perf_counter() - begun < 3


def test_a_large_mail_compiles_in_reasonable_time() -> None:
    block = '<mj-text>Some words <a href="https://www.example.com/{}">here</a> {{{{ subscriber.city }}}}</mj-text>'
    begun = time.perf_counter()
    design = compile_design(mjml("".join(block.format(number) for number in range(800))))
    assert len(design.links) == 800
    assert time.perf_counter() - begun < 5


def test_broken_designs_raise_design_errors_and_nothing_else() -> None:
    source = mjml(
        '<mj-text>Hi {{ subscriber.a | fallback("x") }} {% if subscriber.b %}<b>y</b>{% endif %}</mj-text>'
        '<mj-button href="https://www.example.com/{{ subscriber.c }}">z</mj-button><!-- c -->'
    )
    dice = random.Random(7)
    for _ in range(1500):
        start, length = dice.randrange(len(source)), dice.choice((1, 1, 2, 5, 20))
        put = dice.choice(("", "", "<", ">", '"', "{{", "}}", "{%", "%}", "\0", "&", "é", "</", "{#", "<!--", "mj-"))
        broken = source[:start] + put + source[start + length * dice.randrange(2) :]
        try:
            Personaliser(compile_design(broken), subject="s").render_wire(ADA)
        except DesignError:
            continue
