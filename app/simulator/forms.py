"""Reads the form of an unsubscribe page and fills it in as a browser without JavaScript would."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode


@dataclass(slots=True)
class Form:
    """A form: where it goes, and what it sends when its first button is pressed."""

    action: str = ""
    method: str = "get"
    fields: list[tuple[str, str]] = field(default_factory=list)
    button: tuple[str, str] | None = None
    has_button: bool = False

    @property
    def body(self) -> bytes:
        return urlencode([*self.fields, *([self.button] if self.button else [])]).encode()


def leaving_form(page: str) -> Form | None:
    """The first form of a page that posts and undoes nothing; the page is about unsubscribing, so it does that."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    leaving = (form for form in reader.forms if form.method == "post" and not form.action.endswith("/undo"))
    return None if "unsubscribed already" in page else next(leaving, None)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(values.get("action", ""), values.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form and tag in ("input", "button") and "disabled" not in values:
            _fill(self._form, tag, values)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def _fill(form: Form, tag: str, values: dict[str, str]) -> None:
    kind = values.get("type", "submit" if tag == "button" else "text").lower()
    name, value = values.get("name", ""), values.get("value", "")
    if kind == "submit":
        if not form.has_button:
            form.has_button = True
            form.button = (name, value) if name else None
    elif kind in ("radio", "checkbox"):
        if name and "checked" in values:
            form.fields.append((name, value or "on"))
    elif name and kind not in ("button", "reset", "file", "image"):
        form.fields.append((name, value))
