"""Forms of the page of domains."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, StringField
from wtforms.validators import DataRequired, Length


class DomainForm(FlaskForm):  # type: ignore[misc]
    """A domain to sign for."""

    domain = StringField(_("Domain"), [DataRequired(), Length(max=320)])


class ActiveKeyForm(FlaskForm):  # type: ignore[misc]
    """The key that somebody saw at work when they chose to rotate."""

    active = IntegerField()


class SwitchForm(FlaskForm):  # type: ignore[misc]
    """On, or, where nothing is said, off."""

    on = BooleanField()
