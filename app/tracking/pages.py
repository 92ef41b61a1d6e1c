"""What a subscriber can do from a mail: leave, choose, read it in the browser. The message's token is the permission.

No script, no session, no cookie. GET and HEAD change nothing, since scanners follow links; a POST to `/u/<token>` acts
at once, as RFC 8058 asks.
"""

from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from app.accounts.access import public
from app.core.database import db, enter_workspace
from app.core.errors import BadToken, Conflict, Invalid, MerpatiError, NotFound, Unavailable
from app.core.extensions import keyring
from app.core.http import replace_policy
from app.messages.links import SAMPLE, read_message
from app.rendering.errors import RenderError
from app.tracking import leaving, preferences, web_view
from app.tracking.hits import Hit
from app.tracking.leaving import EVERYTHING, Act
from app.tracking.preferences import Wishes
from app.tracking.recipients import Recipient, find_recipient
from app.tracking.recording import about_request, keep
from app.tracking.standing import standing_of

bp = Blueprint("pages", __name__)
csrf_exempt = True
"""The token in the address is what a form token would prove, and mailbox providers post without one."""

AWAY = (OperationalError, NoConnection)


class TestMail(MerpatiError):
    """The link came with a test mail."""


@bp.get("/u/<token>")
@public
def leave(token: str) -> Any:
    """Asks, or says that it is done already; changes nothing. Without the database it asks with fewer words."""
    number = _number(token)
    try:
        recipient = _enter(number)
    except AWAY:
        return render_template("public/unsubscribe.html", token=token, recipient=None)
    standing = standing_of(recipient)
    page = "public/unsubscribed_already.html" if standing.left else "public/unsubscribe.html"
    return render_template(page, token=token, standing=standing, **_shown(recipient))


@bp.post("/u/<token>")
@public
def leave_now(token: str) -> Any:
    """Unsubscribes at once: a mailbox provider's one click (RFC 8058) and the page's button alike."""
    number = _number(token)
    everything = request.form.get("scope") == EVERYTHING
    source = "page" if "scope" in request.form else "one-click"
    try:
        recipient = _enter(number)
        leaving.leave(recipient, _act(source), everything=everything)
        db.session.commit()
    except AWAY:
        db.session.rollback()
        _keep_for_later(number, source, everything)
        return render_template("public/unsubscribed_soon.html")
    return render_template("public/unsubscribed.html", token=token, everything=everything, **_shown(recipient))


@bp.post("/u/<token>/undo")
@public
def undo(token: str) -> Any:
    """Takes an unsubscription back."""
    recipient = _enter(_number(token))
    everything = request.form.get("scope") == EVERYTHING
    try:
        leaving.come_back(recipient, _act("page"), everything=everything)
    except Conflict as error:
        return render_template("public/too_late.html", detail=str(error), **_shown(recipient)), 409
    db.session.commit()
    return render_template("public/restored.html", token=token, everything=everything, **_shown(recipient))


@bp.post("/u/<token>/reason")
@public
def reason(token: str) -> Any:
    """Keeps why somebody left."""
    recipient = _enter(_number(token))
    leaving.give_reason(recipient, request.form.get("reason", ""), request.form.get("words", ""))
    db.session.commit()
    return render_template("public/thanks.html", token=token, **_shown(recipient))


@bp.get("/p/<token>")
@public
def choose(token: str) -> Any:
    """What the person gets."""
    return _preferences(token, _enter(_number(token)))


@bp.post("/p/<token>")
@public
def save(token: str) -> Any:
    """Saves the choice and says what became different, with the way back."""
    recipient = _enter(_number(token))
    person = recipient.person
    if person is None:
        return _preferences(token, recipient)
    if request.form.get("all"):
        leaving.leave(recipient, _act("preferences"), everything=True)
        db.session.commit()
        return render_template("public/unsubscribed.html", token=token, everything=True, **_shown(recipient))
    before = preferences.wishes_of(person)
    try:
        saved = preferences.save(recipient, person, _wishes(), _act("preferences"), undo=bool(request.form.get("undo")))
    except (Invalid, Conflict) as error:
        db.session.rollback()
        return _preferences(token, recipient, error=error), 422
    db.session.commit()
    return _preferences(token, recipient, saved=saved, before=before)


@bp.get("/v/<token>")
@public
def view(token: str) -> Any:
    """The mail in the browser."""
    recipient = _enter(_number(token))
    try:
        html = web_view.as_sent(recipient)
    except RenderError:
        raise NotFound("This mail cannot be shown in the browser.") from None
    replace_policy(web_view.POLICY)
    return Response(html, mimetype="text/html")


@bp.after_request
def _out_of_search_engines(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@bp.errorhandler(TestMail)
def _test_mail(_error: TestMail) -> Any:
    return render_template("public/test_mail.html")


@bp.errorhandler(BadToken)
def _damaged(_error: BadToken) -> Any:
    return render_template("tracking/damaged.html"), 404


@bp.errorhandler(NotFound)
def _gone(error: NotFound) -> Any:
    return render_template("public/gone.html", detail=str(error)), 404


def _number(token: str) -> int:
    number = read_message(keyring(), token)
    if number == SAMPLE:
        raise TestMail
    return number


def _enter(number: int) -> Recipient:
    recipient = find_recipient(number)
    enter_workspace(recipient.message.workspace_id)
    return recipient


def _act(source: str) -> Act:
    return Act(source, ip=request.remote_addr or "", agent=request.headers.get("User-Agent", ""))


def _shown(recipient: Recipient) -> dict[str, Any]:
    return {"recipient": recipient, "workspace": recipient.workspace}


def _keep_for_later(number: int, source: str, everything: bool) -> None:
    facts = about_request()
    facts["hints"] = {**facts["hints"], "source": source, "scope": EVERYTHING if everything else leaving.LIST}
    try:
        keep(Hit(leaving.UNSUBSCRIBED, number, **facts))
    except OSError:
        raise Unavailable(
            "Your wish could not be written down just now. Nothing was changed. Try again soon."
        ) from None


def _wishes() -> Wishes:
    form = request.form
    return Wishes(
        shown=frozenset(form.getlist("shown", type=int)),
        chosen=frozenset(form.getlist("list", type=int)),
        first_name=form.get("first_name", ""),
        last_name=form.get("last_name", ""),
        tracking=not form.get("no_tracking"),
    )


def _preferences(token: str, recipient: Recipient, **more: Any) -> Any:
    person = recipient.person
    if person is None:
        raise NotFound("Everything we knew about this address was deleted, so there is nothing to choose.")
    form = _wishes() if "error" in more else preferences.wishes_of(person)
    return render_template(
        "public/preferences.html",
        token=token,
        person=person,
        choices=preferences.choices_of(person),
        form=form,
        is_stopped=preferences.is_stopped(person),
        has_left=preferences.has_left_everything(person),
        tracking_words=preferences.TRACKING_WORDS,
        **more,
        **_shown(recipient),
    )
