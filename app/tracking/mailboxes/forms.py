"""Forms of the settings of mailboxes and replies."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import EmailField, Field, HiddenField, IntegerField, PasswordField, SelectField, StringField, SubmitField
from wtforms.fields import SelectChoice
from wtforms.validators import (
    DataRequired,
    InputRequired,
    Length,
    NumberRange,
    Optional,
    Regexp,
    StopValidation,
    ValidationError,
)

from app.tracking.mailboxes.edit import MailboxFields
from app.tracking.mailboxes.oauth.clients import Secrets
from app.tracking.models import Mailbox

KINDS = [SelectChoice("imap", _("IMAP")), SelectChoice("pop3", _("POP3"))]
SECURITY = [
    SelectChoice("tls", _("TLS from the start (IMAP 993, POP3 995)")),
    SelectChoice("starttls", _("STARTTLS, demanded (IMAP 143, POP3 110)")),
    SelectChoice("none", _("In the clear: only to a server on a private address")),
]
LOGINS = {
    "password": _("Password"),
    "microsoft_app": _("Microsoft 365, as an app of your organisation (OAuth)"),
    "microsoft": _("Microsoft 365 or Outlook.com, as a person (OAuth)"),
    "google": _("Google: Gmail and Workspace (OAuth)"),
    "other": _("Another provider (OAuth)"),
}
"""Ways to sign in."""
_ASKED = {
    "password": ("password",),
    "microsoft_app": ("tenant", "client_id", "client_secret"),
    "microsoft": ("tenant", "client_id", "client_secret", "refresh_token", "scope"),
    "google": ("client_id", "client_secret", "refresh_token"),
    "other": ("token_url", "client_id", "client_secret", "refresh_token", "scope"),
}
_OPEN = ("tenant", "token_url", "client_id", "scope")
"""No secrets: they are shown again."""
_SERVERS = {"microsoft_app": "outlook.office365.com", "microsoft": "outlook.office365.com", "google": "imap.gmail.com"}
_HOST = Regexp(r"[A-Za-z0-9.:_-]+$", message=_("Write a host name such as imap.example.com."))
_PLAIN = Regexp(r"[^\x00-\x1f\x7f]*$", message=_("This must be one line without control characters."))
_ADDRESS = Regexp(r"[^@\s]+@[^@\s]+\.[^@\s]+$", message=_("Write an address such as news@example.com."))


def _of_an_app(form: FlaskForm, field: Field) -> None:
    """An app of its own belongs to one tenant."""
    if form.login.data == "microsoft_app" and not (field.data or "").strip():
        raise StopValidation(_("Enter the directory (tenant) of the app."))


class MailboxForm(FlaskForm):  # type: ignore[misc]
    """A mailbox elsewhere. Which fields it has depends on the way to sign in: `_form_by` leaves out the others."""

    login = HiddenField(default="password")
    kind = SelectField(_("Protocol"), choices=KINDS, default="imap")
    host = StringField(_("Mail server"), [DataRequired(), Length(max=253), _HOST])
    port = IntegerField(_("Port"), [InputRequired(), NumberRange(1, 65535)], default=993)
    security = SelectField(_("Encryption"), choices=SECURITY, default="tls")
    username = StringField(_("User name"), [DataRequired(), Length(max=320), _PLAIN])
    password = PasswordField(_("Password"), [Optional(), Length(max=1000), _PLAIN])
    tenant = StringField(
        _("Tenant"),
        [_of_an_app, Optional(), Length(max=100), Regexp(r"[A-Za-z0-9.-]+$", message=_("Write its ID or its domain."))],
    )
    token_url = StringField(_("Token URL"), [DataRequired(), Length(max=500), _PLAIN])
    client_id = StringField(_("Client ID"), [DataRequired(), Length(max=300), _PLAIN])
    client_secret = PasswordField(_("Client secret"), [Optional(), Length(max=2000), _PLAIN])
    refresh_token = PasswordField(_("Refresh token"), [Optional(), Length(max=8000), _PLAIN])
    scope = StringField(_("Scope"), [Optional(), Length(max=500), _PLAIN])
    folder = StringField(_("Folder to read"), [DataRequired(), Length(max=200), _PLAIN], default="INBOX")
    done_folder = StringField(_("Move understood mail to"), [Optional(), Length(max=200), _PLAIN])
    every_minutes = IntegerField(_("Minutes between visits"), [InputRequired(), NumberRange(1, 1440)], default=5)
    anyway = SubmitField(_("Save anyway"))

    @property
    def fields(self) -> MailboxFields:
        """What was filled in."""
        return MailboxFields(
            kind=self.kind.data,
            host=self.host.data.strip().lower(),
            port=self.port.data,
            security=self.security.data,
            username=self.username.data.strip(),
            password=(self.password.data or "") if self.password else "",
            folder=self.folder.data.strip(),
            done_folder=(self.done_folder.data or "").strip(),
            every_minutes=self.every_minutes.data,
            login=self.login.data,
            oauth={name: given for name in _OPEN if (given := self._given(name))},
            secrets=Secrets(self._given("client_secret"), self._given("refresh_token")),
        )

    def validate_token_url(self, field: Field) -> None:
        """Without a name or password in it, and nothing that would be left out on the way."""
        try:
            parts = urlsplit(field.data)
            is_right = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            is_right = False
        if not is_right or not field.data.isascii() or " " in field.data or {"@", "#"} & set(field.data):
            raise ValidationError(_("Write an address such as https://login.example.com/oauth2/token."))

    def _given(self, name: str) -> str:
        return (self[name].data or "").strip() if name in self else ""


class ForwardingForm(FlaskForm):  # type: ignore[misc]
    """Where people's replies go."""

    forward_replies_to = EmailField(_("Replies go on to"), [Optional(), Length(max=254), _ADDRESS])


def sent_form(login: str) -> MailboxForm:
    """The form as it was sent."""
    return _form_by(login, MailboxForm())


def empty_form(login: str) -> MailboxForm:
    """The form of a new mailbox."""
    return _form_by(login, MailboxForm(formdata=None, done_folder="Merpati", host=_SERVERS.get(login, "")))


def filled_form(mailbox: Mailbox, login: str) -> MailboxForm:
    """The form of a mailbox, without its password and secrets; to sign in another way if `login` says so."""
    known: Mapping[str, Any] = mailbox.oauth if login == mailbox.login else {}
    return _form_by(login, MailboxForm(formdata=None, obj=mailbox, **{name: known.get(name) for name in _OPEN}))


def _form_by(login: str, form: MailboxForm) -> MailboxForm:
    form.login.data = login
    for name in {name for names in _ASKED.values() for name in names}.difference(_ASKED[login]):
        del form[name]
    return form
