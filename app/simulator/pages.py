"""The pages of the mail catcher: plain HTML that works without JavaScript, by keyboard, in light and dark."""

from collections.abc import Sequence
from html import escape
from urllib.parse import quote, urlencode

from app.simulator.mailbox import Caught

PER_PAGE = 50

STYLE = """\
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fbfaf7; --quiet: #5b6472; --line: #d6d3cb;
  --link: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8e6e1; --paper: #15181d; --quiet: #a3abb8; --line: #3a404a; --link: #8ec1ff; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, sans-serif; }
a { color: var(--link); }
a:focus-visible, input:focus-visible, button:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
h1 { font-size: 1.5rem; }
.quiet { color: var(--quiet); }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: 1rem 0; }
label { display: block; }
input, button { font: inherit; padding: .4rem .6rem; color: inherit; background: transparent;
  border: 1px solid var(--quiet); border-radius: .3rem; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem .6rem .5rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { padding: .75rem; border: 1px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; }
iframe { width: 100%; height: 40rem; border: 1px solid var(--line); background: #fff; }
li { overflow-wrap: anywhere; }
"""


def list_page(mails: Sequence[Caught], *, words: str, before: int | None, older: int | None, kept: int) -> str:
    """The newest mails; `older` is the number to go on from, if there are more."""
    rows = "".join(_row(mail) for mail in mails)
    table = (
        '<div class="scroll"><table><thead><tr><th scope="col">Received</th><th scope="col">To</th>'
        f'<th scope="col">From</th><th scope="col">Subject</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
    return _page(
        "Caught mail",
        "<h1>Caught mail</h1>"
        f'<p class="quiet">Every mail Merpati sends ends here and goes no further. {kept} kept, newest first.</p>'
        f"{_search(words)}"
        f"{table if mails else _nothing(words)}"
        f"{_turn_over(words, before, older)}",
    )


def mail_page(mail: Caught) -> str:
    """One mail: headers, both texts, links."""
    html, text = mail.body("html"), mail.body("plain")
    links = "".join(f'<li><a href="{_safe(link)}" rel="noreferrer">{escape(link)}</a></li>' for link in mail.links)
    return _page(
        mail.subject or "Mail without a subject",
        f'<p><a href="/">All caught mail</a></p><h1>{escape(mail.subject) or "(no subject)"}</h1>'
        f"<dl><dt>Received</dt><dd>{_time(mail)}</dd><dt>From</dt><dd>{escape(mail.author)}</dd>"
        f"<dt>To</dt><dd>{escape(', '.join(mail.recipients))}</dd>"
        f"<dt>Return path</dt><dd>{escape(mail.sender) or '(empty)'}</dd></dl>"
        f'<p><a href="/mail/{mail.number}/raw" download>Download the mail as it came</a> '
        f'<span class="quiet">({len(mail.raw):,} bytes)</span></p>'
        + (_html_part(mail) if html else "")
        + (f"<h2>Plain text</h2><pre>{escape(text)}</pre>" if text else "")
        + (f"<h2>Links</h2><ul>{links}</ul>" if links else "")
        + f"<h2>Headers</h2><pre>{escape(mail.headers)}</pre>",
    )


def missing_page() -> str:
    """For an address without a page."""
    words = "This mail is not kept any more, or it never came. Only the newest ones stay, and none after a restart."
    return _page("Not found", f'<h1>Not found</h1><p>{words}</p><p><a href="/">All caught mail</a></p>')


def _page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} · Merpati mail catcher</title><link rel="stylesheet" href="/style.css"></head>'
        f"<body><main>{content}</main></body></html>"
    )


def _row(mail: Caught) -> str:
    return (
        f"<tr><td>{_time(mail)}</td><td>{escape(', '.join(mail.recipients))}</td><td>{escape(mail.author)}</td>"
        f'<td><a href="/mail/{mail.number}">{escape(mail.subject) or "(no subject)"}</a></td></tr>'
    )


def _time(mail: Caught) -> str:
    return f'<time datetime="{mail.at.isoformat()}">{mail.at:%Y-%m-%d %H:%M:%S} UTC</time>'


def _search(words: str) -> str:
    return (
        '<form action="/" method="get" role="search"><div><label for="q">Address or subject contains</label>'
        f'<input id="q" name="q" type="search" value="{escape(words)}"></div><button>Search</button></form>'
    )


def _nothing(words: str) -> str:
    if words:
        return f'<p>No kept mail contains “{escape(words)}”. <a href="/">Show all</a>.</p>'
    return "<p>No mail yet. Send a test from the editor, or start a campaign, and load this page again.</p>"


def _turn_over(words: str, before: int | None, older: int | None) -> str:
    links = []
    if before:
        links.append(f'<a href="/{_query(words)}">Newest</a>')
    if older:
        links.append(f'<a href="/{_query(words, before=str(older))}">Older</a>')
    return f'<nav aria-label="Pages"><p>{" · ".join(links)}</p></nav>' if links else ""


def _query(words: str, **more: str) -> str:
    fields = {**({"q": words} if words else {}), **more}
    return escape(f"?{urlencode(fields)}") if fields else ""


def _html_part(mail: Caught) -> str:
    return (
        '<h2>As mail programs show it</h2><p class="quiet">Images from elsewhere and all scripts are left out, links '
        "do not work in here: use the list below.</p>"
        f'<iframe sandbox title="HTML of the mail" src="/mail/{mail.number}/html"></iframe>'
    )


def _safe(link: str) -> str:
    return escape(quote(link, safe="/:?#[]@!$&'()*+,;=%-._~"))
