"""Forms of what others say."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import EmailField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Length, Optional


class FiguresForm(FlaskForm):  # type: ignore[misc]
    """A file of a provider's own page."""

    source = SelectField(
        _("From"),
        choices=[
            SelectChoice("", _("Find out by the file")),
            SelectChoice("postmaster", _("Google Postmaster Tools")),
            SelectChoice("snds", _("Microsoft SNDS")),
        ],
    )
    file = FileField(_("CSV file"), [FileRequired(_("Choose a file."))])
    subject = StringField(
        _("Domain"),
        [Optional(), Length(max=253)],
        description=_("Of the figures, where the file does not name it, as with Postmaster Tools."),
        filters=[lambda value: (value or "").strip()],
    )


class PlacementForm(FlaskForm):  # type: ignore[misc]
    """Where one mailbox has the mail."""

    campaign = SelectField(_("Campaign"), coerce=int)
    address = EmailField(_("Your address there"), [DataRequired(_("Write the address.")), Length(max=254)])
    placed = SelectField(
        _("Found in"),
        choices=[
            SelectChoice("inbox", _("Inbox")),
            SelectChoice("promotions", _("Promotions or another tab")),
            SelectChoice("spam", _("Spam folder")),
            SelectChoice("missing", _("Nowhere")),
        ],
    )
