"""Forms of the settings of mailboxes and replies."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import EmailField, IntegerField, PasswordField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp

from app.tracking.mailboxes.edit import MailboxFields
from app.tracking.models import Mailbox

KINDS = [SelectChoice("imap", _("IMAP")), SelectChoice("pop3", _("POP3"))]
SECURITY = [
    SelectChoice("tls", _("TLS from the start (IMAP 993, POP3 995)")),
    SelectChoice("starttls", _("STARTTLS, demanded (IMAP 143, POP3 110)")),
    SelectChoice("none", _("In the clear: only to a server on a private address")),
]
_HOST = Regexp(r"[A-Za-z0-9.:_-]+$", message=_("Write a host name such as imap.example.com."))
_PLAIN = Regexp(r"[^\x00-\x1f\x7f]*$", message=_("This must be one line without control characters."))
_ADDRESS = Regexp(r"[^@\s]+@[^@\s]+\.[^@\s]+$", message=_("Write an address such as news@example.com."))


class MailboxForm(FlaskForm):  # type: ignore[misc]
    """A mailbox elsewhere."""

    kind = SelectField(_("Protocol"), choices=KINDS, default="imap")
    host = StringField(_("Mail server"), [DataRequired(), Length(max=253), _HOST])
    port = IntegerField(_("Port"), [InputRequired(), NumberRange(1, 65535)], default=993)
    security = SelectField(_("Encryption"), choices=SECURITY, default="tls")
    username = StringField(_("User name"), [DataRequired(), Length(max=320), _PLAIN])
    password = PasswordField(_("Password"), [Optional(), Length(max=1000), _PLAIN])
    folder = StringField(_("Folder to read"), [DataRequired(), Length(max=200), _PLAIN], default="INBOX")
    done_folder = StringField(_("Move understood mail to"), [Optional(), Length(max=200), _PLAIN])
    every_minutes = IntegerField(_("Minutes between visits"), [InputRequired(), NumberRange(1, 1440)], default=5)

    @property
    def fields(self) -> MailboxFields:
        """What was filled in."""
        return MailboxFields(
            kind=self.kind.data,
            host=self.host.data.strip().lower(),
            port=self.port.data,
            security=self.security.data,
            username=self.username.data.strip(),
            password=self.password.data or "",
            folder=self.folder.data.strip(),
            done_folder=(self.done_folder.data or "").strip(),
            every_minutes=self.every_minutes.data,
        )


class ForwardingForm(FlaskForm):  # type: ignore[misc]
    """Where people's replies go."""

    forward_replies_to = EmailField(_("Replies go on to"), [Optional(), Length(max=254), _ADDRESS])


def empty_form() -> MailboxForm:
    """The form of a new mailbox."""
    return MailboxForm(formdata=None, done_folder="Merpati")


def filled_form(mailbox: Mailbox) -> MailboxForm:
    """The form of a mailbox, without its password."""
    return MailboxForm(formdata=None, obj=mailbox)
