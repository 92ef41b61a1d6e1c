"""A small application that shows every macro with invented data. `python -m tests.look.guide` serves it to look at."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, Flask, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import Babel
from flask_wtf import CSRFProtect, FlaskForm
from wtforms import BooleanField, EmailField, FileField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Email

from app.core.assets import asset_url
from app.core.http import configure_http, replace_policy

HERE = Path(__file__).parent
APP = HERE.parents[1] / "app"
PREVIEW_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
LETTER = '<!doctype html><html lang="en"><title>Letter</title><body style="padding: 2em">Dear friend, coo.'
SOURCE = """<mjml lang="en">
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>Hello {{ person.name }}</mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""

bp = Blueprint("guide", __name__)
security = Blueprint("security", __name__)


class LetterForm(FlaskForm):
    """One field of each kind."""

    subject = StringField("Subject", [DataRequired("Write a subject; letters without one are rarely opened.")])
    sender = EmailField("Sender", [DataRequired("Say who writes."), Email("Write an address like news@example.com.")])
    preheader = StringField("Preheader", description="Shown after the subject in most inboxes.")
    topic = SelectField("Topic", choices=[SelectChoice("news", "News"), SelectChoice("offer", "Offers")])
    when = RadioField("When", [DataRequired("Choose when to send.")], choices=[SelectChoice("now", "Right now")])
    note = TextAreaField("Note to colleagues")
    people = FileField("People", description="A CSV or text file, up to 2 GB.")
    track = BooleanField("Count clicks", description="Links lead through this server first.")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in."""

    name: str = "Ada Lindqvist"
    email: str = "ada@example.com"
    is_authenticated: bool = True


def create_guide() -> Flask:
    """The style guide."""
    app = Flask("guide", template_folder=str(APP / "templates"), static_folder=str(APP / "static"))
    app.config.update(SECRET_KEY="only for looking at", TESTING=True)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_loader.searchpath.append(str(HERE / "templates"))  # type: ignore[union-attr]
    Babel(app)
    CSRFProtect(app)
    app.add_template_global(asset_url)
    configure_http(app)
    app.context_processor(_page)
    app.register_blueprint(bp)
    app.register_blueprint(security)
    return app


def _page() -> dict[str, Any]:
    return {
        "workspace": SimpleNamespace(name="Dovecote Press", slug="dovecote"),
        "nav": _navigation(),
        "open_matters": lambda: 3,
        "current_user": SimpleNamespace(is_authenticated=False) if "out" in request.args else Person(),
    }


def _navigation() -> list[dict[str, Any]]:
    def entry(label: str, icon: str, *, active: bool = False, children: tuple[Any, ...] = ()) -> dict[str, Any]:
        return {"label": label, "href": "/", "icon": icon, "active": active, "children": list(children)}

    audience = tuple(
        entry(name, "users", active=name == "Lists") for name in ("People", "Lists", "Imports", "Suppressions")
    )
    in_audience = request.path == "/lists"
    on_phones = {"on_phones": True}
    return [
        entry("Home", "house") | on_phones,
        entry("Campaigns", "send", active=not in_audience) | on_phones,
        entry("Audience", "users", active=in_audience, children=audience) | on_phones,
        entry("Templates & media", "layout-template"),
        entry("Reports", "chart-column"),
        entry("Deliverability", "activity") | on_phones | {"counts_open": True},
        entry("Settings", "settings"),
    ]


@bp.get("/")
@bp.get("/lists", endpoint="lists")
def index() -> str:
    """Every macro on one page."""
    hours = [f"{hour:02}:00" for hour in range(24)]
    clicks = [0, 3, 12, 48, 95, 160, 212, 240, 221, 180, 150, 133, 120, 96, 80, 77, 64, 50, 41, 33, 20, 14, 9, 6]
    return render_template("guide.html", hours=hours, clicks=clicks, opens=[value * 2 for value in clicks])


@bp.route("/form", methods=["GET", "POST"])
def form() -> Any:
    """A form of WTForms with its errors."""
    form = LetterForm()
    if form.validate_on_submit():
        flash("Saved. The letter is a draft until you send it.", "success")
        return redirect(url_for("guide.form"))
    return render_template("form.html", form=form), 422 if form.errors else 200


@bp.get("/sign-in")
def sign_in() -> str:
    """The centred card for people who are not signed in."""
    return render_template("sign_in.html", current_user=SimpleNamespace(is_authenticated=False))


@bp.get("/public")
def public() -> str:
    """A page for subscribers."""
    return render_template("preferences.html")


@bp.get("/send")
def send() -> str:
    """What the confirmation dialog is without scripts."""
    return render_template("send.html")


@bp.get("/editor")
def editor() -> str:
    """The source editor."""
    return render_template("editor.html", source=SOURCE)


@bp.post("/editor/check")
def check() -> Any:
    """Find one mistake: an element that is called mj-oops."""
    lines = request.form["source"].splitlines()
    errors = [
        {"line": number, "column": line.index("mj-oops") + 1, "message": "There is no element mj-oops."}
        for number, line in enumerate(lines, 1)
        if "mj-oops" in line
    ]
    return jsonify(ok=not errors, errors=errors, html_url=url_for("guide.preview"))


@bp.get("/preview")
def preview() -> str:
    """The letter in the frame, under the preview's own policy."""
    replace_policy(PREVIEW_POLICY)
    return LETTER


@bp.get("/progress/<int:sent>")
def progress(sent: int) -> str:
    """A part that asks for itself until it is final."""
    return render_template("progress.html", sent=sent)


@bp.get("/broken")
def broken() -> str:
    """An error of our own making."""
    raise RuntimeError("the style guide breaks on purpose")


@security.post("/sign-out")
def logout() -> Any:
    """Leave."""
    return redirect(url_for("guide.sign_in"))


if __name__ == "__main__":
    create_guide().run(port=8099)
