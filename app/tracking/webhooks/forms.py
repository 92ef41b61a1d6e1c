"""Forms of the pages of webhooks."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Length, Optional

from app.tracking.webhooks.kinds import KINDS
from app.tracking.webhooks.setup import LONGEST_NAME


class AddForm(FlaskForm):  # type: ignore[misc]
    """Whose reports are to come in."""

    kind = SelectField(_("Provider"), choices=[SelectChoice(name, kind.title) for name, kind in KINDS.items()])
    name = StringField(_("Name"), [Optional(), Length(max=LONGEST_NAME)])


class SecretForm(FlaskForm):  # type: ignore[misc]
    """What the provider shows."""

    secret = TextAreaField(_("Secret"), [DataRequired(), Length(max=2000)])


class SwitchForm(FlaskForm):  # type: ignore[misc]
    """On, or, where nothing is said, off."""

    on = BooleanField()
