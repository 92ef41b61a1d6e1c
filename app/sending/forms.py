"""Forms of the sending settings."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, IntegerField, PasswordField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp

SECURITY = [
    SelectChoice("tls", _("TLS from the start (usually port 465)")),
    SelectChoice("starttls", _("STARTTLS, demanded (usually port 587)")),
    SelectChoice("none", _("STARTTLS if offered, else in the clear (a server next to us, port 25)")),
]
STREAMS = [
    SelectChoice("", _("All mail")),
    SelectChoice("marketing", _("Only newsletters and other marketing mail")),
    SelectChoice("transactional", _("Only transactional mail: confirmations, notices, tests")),
]
LIMITS = ("connections", "messages_per_connection", "per_second", "per_hour", "per_day")
_HOST = Regexp(r"[A-Za-z0-9.:_-]+$", message=_("Write a host name such as smtp.example.com."))


class TransportForm(FlaskForm):  # type: ignore[misc]
    """What all transports have."""

    name = StringField(_("Name"), [Optional(), Length(max=100)], description=_("Only your team sees it."))
    connections = IntegerField(_("Connections at once"), [Optional(), NumberRange(1, 200)])
    per_second = IntegerField(_("Messages a second"), [Optional(), NumberRange(1, 100_000)])
    per_hour = IntegerField(_("Messages an hour"), [Optional(), NumberRange(1, 100_000_000)])
    per_day = IntegerField(_("Messages a day"), [Optional(), NumberRange(1, 1_000_000_000)])
    stream = SelectField(_("Used for"), choices=STREAMS, default="")
    tier = IntegerField(_("Tier"), [Optional(), NumberRange(1, 9)], default=1)
    weight = IntegerField(_("Weight"), [Optional(), NumberRange(1, 100)], default=1)
    signs = BooleanField(_("The relay signs with DKIM itself"))

    @property
    def limits(self) -> dict[str, int]:
        """The limits that were filled in."""
        return {name: self[name].data for name in LIMITS if name in self and self[name].data}


class SmtpForm(TransportForm):
    """An SMTP account."""

    host = StringField(_("Mail server"), [DataRequired(), Length(max=253), _HOST])
    port = IntegerField(_("Port"), [InputRequired(), NumberRange(1, 65535)], default=587)
    security = SelectField(_("Encryption"), choices=SECURITY, default="starttls")
    username = StringField(_("User name"), [Optional(), Length(max=320)])
    password = PasswordField(_("Password"), [Optional(), Length(max=1000)])
    messages_per_connection = IntegerField(_("Messages per connection"), [Optional(), NumberRange(1, 1_000_000)])


class TrialForm(FlaskForm):  # type: ignore[misc]
    """Where a trial mail goes."""

    to = EmailField(
        _("Send a trial mail to"),
        [DataRequired(), Regexp(r"[^@\s]+@[^@\s]+$", message=_("Write an address such as you@example.com."))],
    )
