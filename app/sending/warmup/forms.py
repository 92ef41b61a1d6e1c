"""The form that begins a warm-up."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import FloatField, IntegerField, SelectField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange


class WarmUpForm(FlaskForm):  # type: ignore[misc]
    """Which identity, and how fast."""

    transport = SelectField(_("Transport"), coerce=int)
    domain = StringField(_("Domain of the sender"), [DataRequired(), Length(max=253)])
    first = IntegerField(
        _("First day"),
        [InputRequired(), NumberRange(10, 100_000)],
        default=200,
        description=_("Messages to each mailbox provider on the first day."),
    )
    full = IntegerField(
        _("Full volume"),
        [InputRequired(), NumberRange(100, 100_000_000)],
        default=100_000,
        description=_("A day's messages to one provider at which it counts as warm there."),
    )
    growth = FloatField(
        _("Growth a day"),
        [InputRequired(), NumberRange(1.05, 2.0)],
        default=1.4,
        description=_("1.4 is what large providers tolerate; less is safer."),
    )
