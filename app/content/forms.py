"""Forms of templates."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional


class TemplateForm(FlaskForm):  # type: ignore[misc]
    """A template."""

    name = StringField(_("Name"), [DataRequired(_("Give the template a name.")), Length(max=200)])
    description = StringField(_("Description"), [Optional(), Length(max=500)])
    source = TextAreaField(_("Content"), [Optional(), Length(max=1_000_000)])
