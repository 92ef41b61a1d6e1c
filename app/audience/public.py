"""The sign-up form of a list and the page that confirms. No script, no session, no cookie; GET changes nothing."""

from hashlib import blake2b
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from flask_limiter import RateLimitExceeded

from app.accounts.access import public
from app.accounts.models import Workspace
from app.audience.addresses import mask
from app.audience.models import MailingList
from app.audience.sign_up import VALID_DAYS, Confirmation, Request, find_confirmation, open_list
from app.audience.sign_up import sign_up as note_wish
from app.audience.subscriptions import confirm as confirm_subscription
from app.core import clock
from app.core.database import db, enter_workspace
from app.core.errors import BadToken, Invalid, NotFound, Unavailable
from app.core.extensions import enqueue_job, keyring
from app.core.jobs import Job
from app.core.tokens import Purpose

bp = Blueprint("sign_up", __name__)
csrf_exempt = True
"""Visitors have no session. A seal on the form's moment and wording, a trap and a limit per address stand in."""

QUICKEST = 1.5
"""Seconds: nobody types an address faster than this."""
LONGEST = 24 * 3600
LIMITS = "10/minute;60/hour"
TRAP = "website"
NO_MAIL_NOW = "The mail to confirm cannot be sent just now. Wait some minutes and press the button again."

Problem = tuple[str | None, str, str]
"""Field, its label, what to do."""


@bp.get("/f/<public_id>")
@public
def ask(public_id: str) -> Any:
    """The form."""
    mailing_list, workspace = _enter(public_id)
    return _form(mailing_list, workspace)


@bp.post("/f/<public_id>")
@public
def sign_up(public_id: str) -> Any:
    """Takes a sign-up. The answer is the same for every address."""
    mailing_list, workspace = _enter(public_id)
    problem, status = _objection(mailing_list)
    if problem:
        return _form(mailing_list, workspace, problem), status
    email = request.form.get("email", "")
    answer = render_template(
        "public/check_mail.html", email=email.strip(), list=mailing_list, workspace=workspace, days=VALID_DAYS
    )
    if request.form.get(TRAP):
        return answer
    try:
        number = note_wish(mailing_list, _request(mailing_list))
    except Invalid as error:
        db.session.rollback()
        labels = {"email": "E-mail address", "first_name": "First name"}
        return _form(mailing_list, workspace, (error.field, labels.get(error.field or "", ""), str(error))), 422
    db.session.commit()
    try:
        if number is not None:
            enqueue_job(Job.SEND_SYSTEM_MAIL, "confirm-subscription", number)
    except Unavailable:
        return _form(mailing_list, workspace, (None, "", NO_MAIL_NOW)), 503
    return answer


@bp.get("/confirm/<token>")
@public
def confirm(token: str) -> Any:
    """Asks once more: a mail scanner follows links, a person presses buttons."""
    found = _confirmation(token)
    if found.is_done:
        return _page("confirmed", found)
    if not found.is_waiting:
        return _page("not_waiting", found), 410
    return _page("confirm", found, token=token, wording=found.mailing_list.consent_text)


@bp.post("/confirm/<token>")
@public
def confirm_now(token: str) -> Any:
    """The person says yes from their own mailbox."""
    found = _confirmation(token)
    if not (found.is_done or found.is_waiting):
        return _page("not_waiting", found), 410
    confirm_subscription(
        found.subscription,
        source="form",
        ip=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", ""),
    )
    db.session.commit()
    return _page("confirmed", found)


@bp.after_request
def _out_of_search_engines(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@bp.errorhandler(BadToken)
def _damaged(_error: BadToken) -> Any:
    return render_template("tracking/damaged.html"), 404


@bp.errorhandler(NotFound)
def _no_list(_error: NotFound) -> Any:
    return render_template("public/no_list.html"), 404


def _enter(public_id: str) -> tuple[MailingList, Workspace]:
    mailing_list, workspace = open_list(public_id)
    enter_workspace(workspace.id)
    return mailing_list, workspace


def _objection(mailing_list: MailingList) -> tuple[Problem | None, int]:
    try:
        with current_app.extensions["merpati.limiter"].limit(LIMITS):
            pass
    except RateLimitExceeded:
        return (
            None,
            "",
            "There were many sign-ups from your network. Wait some minutes and press the button again.",
        ), 429
    if age := _fault_of_seal(mailing_list):
        return (None, "", age), 422
    return None, 200


def _fault_of_seal(mailing_list: MailingList) -> str:
    again = "Look at the form once more and press the button again."
    try:
        payload = keyring().unseal(Purpose.FORM, request.form.get("seal", ""))
    except BadToken:
        return f"Something of this page was lost on the way. {again}"
    shown_at, words = int.from_bytes(payload[:8]) / 1000, payload[8:]
    age = clock.now().timestamp() - shown_at
    if words != _words(mailing_list) or age > LONGEST:
        return f"This page was open for a long time, or its text changed meanwhile. {again}"
    if age < QUICKEST:
        return "That was very quick, and programs are quick: so that we know it was you, press the button again."
    return ""


def _seal(mailing_list: MailingList) -> str:
    shown_at = int(clock.now().timestamp() * 1000).to_bytes(8)
    return keyring().seal(Purpose.FORM, shown_at + _words(mailing_list))


def _words(mailing_list: MailingList) -> bytes:
    """Stands for the list and the wording shown: what is stored as agreed to is what was read."""
    return blake2b(f"{mailing_list.public_id}\n{mailing_list.consent_text}".encode(), digest_size=8).digest()


def _request(mailing_list: MailingList) -> Request:
    return Request(
        email=request.form.get("email", ""),
        first_name=request.form.get("first_name", ""),
        wording=mailing_list.consent_text,
        form=request.base_url,
        ip=request.remote_addr or "",
        agent=request.headers.get("User-Agent", ""),
    )


def _form(mailing_list: MailingList, workspace: Workspace, problem: Problem | None = None) -> str:
    return render_template(
        "public/sign_up.html",
        list=mailing_list,
        workspace=workspace,
        wording=mailing_list.consent_text,
        seal=_seal(mailing_list),
        problem=problem,
        email=request.form.get("email", ""),
        first_name=request.form.get("first_name", ""),
    )


def _confirmation(token: str) -> Confirmation:
    found = find_confirmation(keyring().read(Purpose.SUBSCRIPTION, token))
    enter_workspace(found.workspace.id)
    return found


def _page(name: str, found: Confirmation, **more: Any) -> str:
    return render_template(
        f"public/{name}.html",
        list=found.mailing_list,
        workspace=found.workspace,
        address=mask(found.person.address),
        days=VALID_DAYS,
        **more,
    )
