"""The text part reads like a letter."""

from app.rendering.design import compile_design
from app.rendering.merge import Personaliser
from tests.rendering.samples import ADA, mjml, person


def text_of(content: str, *, targets: bool = False, **subscriber: object) -> str:
    design = compile_design(mjml(content))
    personaliser = Personaliser(design, subject="s", link_targets=["0" for _ in design.links] if targets else [])
    return personaliser.render(person(**subscriber) if subscriber else ADA).text


def test_headings_paragraphs_and_breaks() -> None:
    content = "<mj-text><h1>Spring</h1><p>First<br/>second</p>\n\n\n<p>Third &amp; last</p><h2>More</h2>x</mj-text>"
    assert text_of(content) == "Spring\n======\n\nFirst\nsecond\n\nThird & last\n\nMore\n----\n\nx\n"


def test_lists_nest_and_wrap_under_their_signs() -> None:
    content = f"<mj-text>Before<ul><li>one</li><li>{'word ' * 20}<ol><li>a</li><li>b</li></ol></li></ul>After</mj-text>"
    assert text_of(content).splitlines() == [
        "Before",
        "",
        "- one",
        "- " + " ".join(["word"] * 14),
        "  " + " ".join(["word"] * 6),
        "  1. a",
        "  2. b",
        "",
        "After",
    ]


def test_links_show_their_address_once() -> None:
    content = (
        '<mj-text><a href="https://www.example.com/a">Read on</a>, <a href="https://www.example.com/b">'
        'https://www.example.com/b</a>, <a href="mailto:ada@example.com">ada@example.com</a>, <a href="#x">up</a>'
        '</mj-text><mj-image src="x.png" alt="A dove" href="https://www.example.com/c" />'
        '<mj-image src="y.png" alt="" />'
    )
    assert " ".join(text_of(content).split()) == (
        "Read on (https://www.example.com/a), https://www.example.com/b, ada@example.com, up "
        "A dove (https://www.example.com/c)"
    )
    assert f"Read on ({ADA.links_prefix}0)" in text_of(content, targets=True).replace("\n", " ")


def test_tables_become_lines() -> None:
    content = "<mj-table><tr><th>When</th><th>What</th></tr><tr><td>May</td><td>Tea <b>time</b></td></tr></mj-table>"
    assert text_of(content) == "When | What\nMay | Tea time\n"


def test_loops_and_conditions_leave_no_holes() -> None:
    content = (
        "<mj-text><p>Start</p>{% if subscriber.vip %}<p>For you</p>{% endif %}<p>Middle</p></mj-text>"
        "<mj-table>{% for item in subscriber.items %}<tr><td>{{ item }}</td><td>ok</td></tr>{% endfor %}</mj-table>"
        "<mj-text>End</mj-text>"
    )
    assert text_of(content, vip=True, items=["a", "b"]) == "Start\n\nFor you\n\nMiddle\n\na | ok\nb | ok\n\nEnd\n"
    assert text_of(content, vip=False, items=["a"]) == "Start\n\nMiddle\n\na | ok\n\nEnd\n"


def test_no_styles_scripts_or_hidden_text_leak() -> None:
    source = (
        "<mjml><mj-head><mj-title>T</mj-title><mj-preview>peek</mj-preview><mj-style>.a{color:red}</mj-style></mj-head>"
        '<mj-body><mj-section><mj-column><mj-text>seen<span style="display: none">hidden</span></mj-text></mj-column>'
        "</mj-section></mj-body></mjml>"
    )
    assert compile_design(source).text == "seen\n"


def test_lines_are_short_but_addresses_stay_whole() -> None:
    address = "https://www.example.com/" + "a" * 100
    content = f'<mj-text>{"some words " * 30}<a href="{address}">x</a></mj-text>'
    found = text_of(content).splitlines()
    assert all(len(line) <= 72 or address in line for line in found)
    assert sum(address in line for line in found) == 1
