"""Forms of campaigns. The hidden version says which state of the campaign the writer saw."""

from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from app.sending.models import Transport
from app.sending.prospects import why_unusable
from app.sending.transports import list_transports

STREAMS = [
    SelectChoice("marketing", _("Newsletter or other marketing mail")),
    SelectChoice("transactional", _("Transactional: what people wait for")),
]


class VersionedForm(FlaskForm):  # type: ignore[misc]
    """A form on a campaign that others may be editing, too."""

    version = IntegerField(widget=HiddenInput(), validators=[InputRequired()])


class NewForm(FlaskForm):  # type: ignore[misc]
    """A new campaign."""

    name = StringField(
        _("Name"),
        [DataRequired(_("Give the campaign a name.")), Length(max=200)],
        description=_("Only your team sees it."),
    )
    start = StringField(_("Begin with"), default="")


class ContentForm(VersionedForm):
    """What a variant says."""

    subject = StringField(_("Subject"), [Optional(), Length(max=500)])
    preheader = StringField(
        _("Preview text"), [Optional(), Length(max=500)], description=_("Inboxes show it after the subject.")
    )
    source = TextAreaField(_("Content"), [Optional(), Length(max=1_000_000)])


class CheckboxListField(SelectMultipleField):  # type: ignore[misc]
    """Several of a list, each with a box."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class AudienceForm(VersionedForm):
    """Lists to write to, and lists whose people are left out."""

    lists = CheckboxListField(_("Send to the people on"), coerce=int)
    exclude = CheckboxListField(_("But not to the people on"), coerce=int)


class SettingsForm(VersionedForm):
    """Name, sender, tracking."""

    name = StringField(_("Name"), [DataRequired(_("Give the campaign a name.")), Length(max=200)])
    from_name = StringField(_("Sender's name"), [Optional(), Length(max=100)])
    from_email = EmailField(_("Sender's address"), [Optional(), Length(max=254)])
    reply_to = EmailField(_("Replies go to"), [Optional(), Length(max=254)])
    track_opens = BooleanField(_("Record opens"))
    track_clicks = BooleanField(_("Record clicks"))
    stream = SelectField(_("Kind of mail"), choices=STREAMS, default="marketing")
    transport_id = SelectField(_("Goes out by"), coerce=int, default=0)
    weight = IntegerField(
        _("Weight"), [Optional(), NumberRange(1, 10)], default=1, filters=[lambda weight: weight or 1]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ways = [SelectChoice(each.id, _way_label(each)) for each in list_transports()]
        self.transport_id.choices = [SelectChoice(0, _("The workspace's transports, by turns")), *ways]


def _way_label(transport: Transport) -> str:
    """Its name, and whatever speaks against choosing it."""
    if not transport.is_enabled:
        return str(gettext("%(name)s (switched off, cannot send)", name=transport.name))
    if why_unusable(transport):
        return str(gettext("%(name)s (its password must be entered again, cannot send)", name=transport.name))
    if transport.open_until is not None:
        return str(gettext("%(name)s (set aside after failures)", name=transport.name))
    if transport.failures:
        return str(gettext("%(name)s (its last try failed)", name=transport.name))
    if transport.stream == "transactional":
        return str(gettext("%(name)s (kept for transactional mail)", name=transport.name))
    if transport.stream == "marketing":
        return str(gettext("%(name)s (kept for newsletters)", name=transport.name))
    return transport.name


class CellsForm(VersionedForm):
    """How many cells, and how much is held out; the cells' own fields are read by `views.cells`."""

    held_out = IntegerField(_("Held out, in percent"), [InputRequired(), NumberRange(0, 50)], default=0)


class TestForm(FlaskForm):  # type: ignore[misc]
    """Where a test mail goes."""

    __test__ = False

    to = StringField(_("Send a test to"), [DataRequired(_("Write the address that gets the test.")), Length(max=2000)])
    variant = IntegerField(_("Version"), [Optional()], default=1)
    person = IntegerField(_("As read by"), [Optional()])
