"""Forms of lists, people, imports and suppressions."""

from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, EmailField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from app.core.errors import Invalid

NO_LIST = 0


class Form(FlaskForm):  # type: ignore[misc]
    """A form that can show what a verb refused."""

    def refuse(self, error: Invalid) -> None:
        """Put the error at its field, or above the form where the field is not in it."""
        field = self._fields.get(error.field or "")
        if field is not None:
            field.errors = [*field.errors, str(error)]
        else:
            self.form_errors.append(str(error))


class ListForm(Form):
    """A list."""

    name = StringField(_("Name"), [DataRequired(), Length(max=200)], description=_("Subscribers see it."))
    description = TextAreaField(_("Description"), [Optional(), Length(max=1000)])
    consent_text = TextAreaField(
        _("Words of consent"),
        [Optional(), Length(max=1000)],
        description=_(
            "Stands at the sign-up form and is kept with each consent. Empty: a plain sentence is made for you."
        ),
    )
    is_public = BooleanField(
        _("Show this list on preference pages"),
        default=True,
        description=_("Otherwise only the people who are on it see it."),
    )


class PersonForm(Form):
    """A person; the fields of attributes are added by hand in the page."""

    email = EmailField(_("E-mail address"), [DataRequired()])
    first_name = StringField(_("First name"), [Optional(), Length(max=200)])
    last_name = StringField(_("Last name"), [Optional(), Length(max=200)])


class AddPersonForm(PersonForm):
    """A new person, perhaps on a list."""

    list_id = SelectField(_("List"), coerce=int)
    consent = StringField(
        _("How did this person agree?"),
        [Optional(), Length(max=1000)],
        description=_("Needed with a list: it is kept in the consent record."),
    )


class SubscribeForm(Form):
    """A list for a person."""

    list_id = SelectField(_("List"), coerce=int)
    consent = StringField(_("How did this person agree?"), [DataRequired(), Length(max=1000)])


class UploadForm(Form):
    """A file of people."""

    file = FileField(
        _("CSV file"),
        [FileRequired(_("Choose a file."))],
        description=_("One row for each person. Separator, quotes and encoding are found by themselves."),
    )


class ImportForm(Form):
    """What is to happen with an upload; the columns are added by hand in the page."""

    list_id = SelectField(_("Import into"), coerce=int)
    state = RadioField(
        _("These people are"),
        choices=[
            SelectChoice("confirmed", _("Subscribed: they confirmed already")),
            SelectChoice("pending", _("Waiting for confirmation: they get no campaign until they confirm")),
        ],
        validators=[InputRequired()],
        default="confirmed",
    )
    consent = TextAreaField(
        _("How did these people agree?"),
        [DataRequired(_("Say where their consent comes from.")), Length(max=1000)],
        description=_("For example: “Signed up at our stand in May 2026”. It is kept in everybody's consent record."),
    )
    agreed = BooleanField(
        _("Everybody in this file has agreed to receive this mail, and I can prove it."),
        [DataRequired(_("Nothing is imported without this."))],
    )


class SuppressForm(Form):
    """An address never to be mailed."""

    email = EmailField(_("E-mail address"), [DataRequired()])
    evidence = StringField(_("Why?"), [DataRequired(_("Say why, for whoever asks later.")), Length(max=500)])


class SuppressionFileForm(Form):
    """A list of such addresses."""

    file = FileField(_("Text file"), [Optional()], description=_("One address on each line."))
    addresses = TextAreaField(_("Or paste addresses"), [Optional(), Length(max=1_000_000)])
    evidence = StringField(_("Where does this list come from?"), [DataRequired(), Length(max=500)])


class LiftForm(Form):
    """The reason for mailing an address again."""

    note = StringField(_("Why may this address be mailed again?"), [DataRequired(), Length(max=500)])


def list_options(lists: list[tuple[int, str]], none: Any = None) -> list[SelectChoice]:
    """Lists as choices, with a first choice of none."""
    first = [SelectChoice(NO_LIST, none)] if none else []
    return [*first, *(SelectChoice(number, name) for number, name in lists)]
