"""Forms of accounts and settings."""

from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import EmailField, Field, IntegerField, PasswordField, SelectField, StringField, TextAreaField
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
from wtforms.widgets import NumberInput, TimeInput

from app.accounts.quiet import QuietHours
from app.accounts.setup import MINIMUM_PASSWORD
from app.accounts.zones import is_zone

ADDRESS = Regexp(r"[^@\s]+@[^@\s]+\.[^@\s]+$", message=_("Write an address such as news@example.com."))
ONE_LINE = Regexp(r"[^\r\n\x00]*$", message=_("This must be one line."))
PASSWORD = Length(
    min=MINIMUM_PASSWORD, max=200, message=_("Use at least 10 characters; a sentence is easiest to remember.")
)
ROLES = [
    SelectChoice("owner", _("Owner: everything, settings and people included")),
    SelectChoice("editor", _("Editor: writes and sends")),
    SelectChoice("viewer", _("Viewer: reads")),
]

TELLS = [
    SelectChoice("yes", _("Every owner gets one")),
    SelectChoice("no", _("Nobody gets one; the pages show everything")),
]


def check_zone(_form: FlaskForm, field: Field) -> None:
    """The name of a time zone that exists."""
    if not is_zone(field.data or ""):
        raise ValidationError(_("Choose a time zone from the list, such as Europe/Brussels."))


def or_nothing(text: str | None) -> str:
    """The text of a field; empty when it was not sent."""
    return (text or "").strip()


class Arrived:
    """The field came with the form, if only empty: a form torn on its way must not empty what was saved."""

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        if not field.raw_data:
            raise StopValidation(_("This did not arrive with the form. Nothing was saved; check it and save again."))


def check_quiet(form: FlaskForm, field: Field) -> None:
    """A time of the day; the other end as well; and enough of the day left to send in."""
    try:
        times = [_read_time(text) for text in (form.quiet_from.data, form.quiet_to.data) if text]
    except ValueError:
        raise ValidationError(_("Write a time such as 21:00.")) from None
    if len(times) == 1 and not field.data:
        raise ValidationError(_("Quiet hours need both ends; leave both empty for none."))
    if len(times) == 2 and not QuietHours(*times).leave_enough:
        raise ValidationError(_("Leave at least four hours of the day to send in."))


def check_days(form: FlaskForm, field: Field) -> None:
    """More days with a failure than are remembered never come together."""
    if _has_too_many_days(form) and not _is_to_blame(form.bounce_stale, field):
        raise ValidationError(_("More days are asked for than are remembered; ask for fewer, or remember them longer."))


def check_span(form: FlaskForm, field: Field) -> None:
    """What is forgotten before it can count would never count."""
    if _is_forgotten_early(form) and _is_to_blame(field, form.bounce_stale):
        raise ValidationError(_("Write at most the days until a failure is forgotten, or remember them longer."))


def check_stale(form: FlaskForm, field: Field) -> None:
    """The same for the time that failures are remembered."""
    if _is_forgotten_early(form) and not _is_to_blame(form.bounce_span, field):
        raise ValidationError(_("A day must be remembered at least as long as the time they are spread over."))
    if _has_too_many_days(form) and _is_to_blame(field, form.bounce_days):
        raise ValidationError(_("Remember them longer: more days with a failure are asked for than are remembered."))


def _has_too_many_days(form: FlaskForm) -> bool:
    days, stale = form.bounce_days.data, form.bounce_stale.data
    return None not in (days, stale) and days > stale + 1


def _is_forgotten_early(form: FlaskForm) -> bool:
    span, stale = form.bounce_span.data, form.bounce_stale.data
    return None not in (span, stale) and stale < span


def _is_to_blame(field: Field, other: Field) -> bool:
    """Whether of two that contradict each other this alone was changed."""
    return bool(field.data != field.object_data and other.data == other.object_data)


def _read_time(text: str) -> time:
    return datetime.strptime(text, "%H:%M").replace(tzinfo=UTC).time()


def check_warn(form: FlaskForm, field: Field) -> None:
    """The guard warns before it pauses."""
    if _warns_too_late(form) and not _is_to_blame(form.complaint_pause, field):
        raise ValidationError(_("The guard must warn before it pauses: write at most the share at which it pauses."))


def check_pause(form: FlaskForm, field: Field) -> None:
    """The same for the share at which it pauses."""
    if _warns_too_late(form) and _is_to_blame(field, form.complaint_warn):
        raise ValidationError(_("The guard must warn before it pauses: write at least the share at which it warns."))


def _warns_too_late(form: FlaskForm) -> bool:
    warn, pause = form.complaint_warn.data, form.complaint_pause.data
    return None not in (warn, pause) and pause < warn


class PercentField(Field):  # type: ignore[misc]
    """A share of 1, typed and shown in percent; what was left empty is the default."""

    widget = NumberInput(step="any", min="0.01", max="5")

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{Decimal(str(self.data)) * 100:f}".rstrip("0").rstrip(".")

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed, with a comma as well."""
        if not valuelist:
            return
        given = valuelist[0].strip().rstrip("%").replace(",", ".")
        if not given:
            self.data = self.default
            return
        try:
            share = float(Decimal(given) / 100)
        except InvalidOperation:
            self.data = None
            raise ValueError(self.gettext("Write a number such as 0.1.")) from None
        if not 0.0001 <= share <= 0.05:  # not a number is not between either
            raise ValueError(_("Write a share from 0.01 to 5 percent."))
        self.data = share


def read_choice(given: object) -> bool:
    """Yes or no, from a row or a form."""
    if given not in (True, False, "yes", "no"):
        raise ValueError(_("Choose one of the two."))
    return given in (True, "yes")


class OwnerForm(FlaskForm):  # type: ignore[misc]
    """The first page of a fresh installation."""

    workspace = StringField(_("Name of your workspace"), [DataRequired(), Length(max=100), ONE_LINE])
    name = StringField(_("Your name"), [Optional(), Length(max=100), ONE_LINE])
    email = EmailField(_("Your e-mail address"), [DataRequired(), ADDRESS])
    password = PasswordField(_("Password"), [InputRequired(), PASSWORD])
    postal_address = TextAreaField(_("Postal address"), [Optional(), Length(max=500)])
    timezone = StringField(_("Time zone"), [DataRequired(), check_zone], default="UTC")

    def field(self, name: str) -> Any:
        """The field of that name, the address where there is none."""
        return getattr(self, name, self.email)


class WorkspaceForm(FlaskForm):  # type: ignore[misc]
    """Settings that every campaign starts from. Made with `obj`: numbers that did not come stay as they were."""

    name = StringField(_("Name"), [Arrived(), DataRequired(), Length(max=100), ONE_LINE])
    timezone = StringField(_("Time zone"), [Arrived(), DataRequired(), check_zone])
    from_name = StringField(_("Sender's name"), [Arrived(), Optional(), Length(max=100), ONE_LINE])
    from_email = EmailField(_("Sender's address"), [Arrived(), Optional(), ADDRESS])
    reply_to = EmailField(_("Replies go to"), [Arrived(), Optional(), ADDRESS])
    postal_address = TextAreaField(_("Postal address"), [Arrived(), Optional(), Length(max=500)])
    hold_seconds = IntegerField(_("Seconds to undo after Send"), [InputRequired(), NumberRange(0, 600)])
    confirm_above = IntegerField(_("Ask to type the number above"), [InputRequired(), NumberRange(0, 100_000_000)])
    quiet_from = StringField(_("Quiet from"), [check_quiet], filters=[or_nothing], widget=TimeInput())
    quiet_to = StringField(_("Quiet until"), [check_quiet], filters=[or_nothing], widget=TimeInput())
    most_messages = IntegerField(_("Mails to one person"), [Optional(), NumberRange(1, 1000)])
    most_days = IntegerField(
        _("Within so many days"), [Optional(), NumberRange(1, 365)], default=7, filters=[lambda days: days or 7]
    )
    least_hours = IntegerField(_("Fewest hours between two mails"), [Optional(), NumberRange(1, 720)])
    bounce_days = IntegerField(
        _("Days with a failure"),
        [check_days, Optional(), NumberRange(2, 30)],
        default=5,
        filters=[lambda days: days or 5],
    )
    bounce_span = IntegerField(
        _("Spread over so many days"),
        [check_span, Optional(), NumberRange(1, 365)],
        default=14,
        filters=[lambda days: days or 14],
    )
    bounce_stale = IntegerField(
        _("Days until a failure is forgotten"),
        [check_stale, Optional(), NumberRange(2, 730)],
        default=30,
        filters=[lambda days: days or 30],
    )
    complaint_warn = PercentField(_("Warn at, in percent"), [check_warn], default=0.001)
    complaint_pause = PercentField(_("Pause at, in percent"), [check_pause], default=0.003)
    tells_owners = SelectField(_("Mail about incidents"), choices=TELLS, coerce=read_choice, default=True)


class MemberForm(FlaskForm):  # type: ignore[misc]
    """Somebody to add."""

    email = EmailField(_("E-mail address"), [DataRequired(), ADDRESS])
    name = StringField(_("Name"), [Optional(), Length(max=100), ONE_LINE])
    role = SelectField(_("Role"), choices=ROLES, default="editor")


class KeyForm(FlaskForm):  # type: ignore[misc]
    """A key for a program."""

    name = StringField(_("What is it for?"), [DataRequired(), Length(max=100), ONE_LINE])
    role = SelectField(_("Role"), choices=ROLES, default="editor")


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """A password of one's own."""

    password = PasswordField(_("New password"), [InputRequired(), PASSWORD])
