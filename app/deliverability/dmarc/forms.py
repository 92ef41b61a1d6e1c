"""The form that takes a report."""

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired


class ReportForm(FlaskForm):  # type: ignore[misc]
    """A report as a receiver sent it."""

    file = FileField(_("Report"), [FileRequired(_("Choose the file of a report."))])
