"""The kinds of transports, and the form of each: an SMTP account's own, or one made of what a provider asks for."""

from collections.abc import Iterator
from typing import Any

from flask_babel import gettext, lazy_gettext
from wtforms import BooleanField, PasswordField, SelectField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, Length, Optional, Regexp

from app.sending.apis.registry import PROVIDERS, Field
from app.sending.domains.theirs import signs_alone
from app.sending.forms import SmtpForm, TransportForm
from app.sending.models import Transport
from app.sending.transports import TransportFields, goes_elsewhere

_SIGNS = lazy_gettext("The relay signs with DKIM itself")
OWN = "own_"
"""Before the names of a provider's fields: some are called like one that all transports have."""


def kinds() -> dict[str, str]:
    """Name → title, in the order in which they are offered."""
    return {"smtp": "SMTP"} | {name: provider.title for name, provider in PROVIDERS.items()}


def empty_form(kind: str) -> TransportForm:
    """The form for a new one."""
    return _form_class(kind)(formdata=None)


def filled_form(transport: Transport) -> TransportForm:
    """The form with what is saved; secrets stay where they are."""
    saved: dict[str, Any] = {**transport.limits, OWN + "username": transport.username}
    saved |= {OWN + name: value for name, value in transport.options.items()}
    return _form_class(transport.kind)(formdata=None, obj=transport, data=saved)


def typed_form(kind: str) -> TransportForm:
    """The form as it was sent."""
    return _form_class(kind)()


def lacks_secret(fields: TransportFields, form: TransportForm, transport: Transport | None = None) -> bool:
    """Whether a secret must be entered that was not: the form says so then."""
    if fields.password:
        return False
    asked = _secret_of(form)
    kept = transport is not None and transport.password_sealed is not None
    if kept and transport is not None and goes_elsewhere(transport, fields) and _needs_secret(fields):
        asked.errors = [gettext("Enter it again: what was saved is kept for another server and goes to no other.")]
        return True
    if not kept and fields.kind != "smtp":
        asked.errors = [gettext("Enter it; the provider takes nothing without.")]
        return True
    return False


def fields_of(form: TransportForm, kind: str, transport: Transport | None = None) -> TransportFields:
    """What a valid form says."""
    shared: dict[str, Any] = {
        "kind": kind,
        "limits": form.limits,
        "stream": form.stream.data,
        "tier": form.tier.data or 1,
        "weight": form.weight.data or 1,
        "signs": "signs" not in form or form.signs.data,
    }
    name = " ".join((form.name.data or "").split())
    if isinstance(form, SmtpForm):
        host = form.host.data.strip()
        shared["signs"] = shared["signs"] or signs_alone(kind, host)
        return TransportFields(
            name=name or host,
            host=host,
            port=form.port.data,
            security=form.security.data,
            username=(form.username.data or "").strip(),
            password=form.password.data or "",
            **shared,
        )
    typed = {field.name: (form[OWN + field.name].data or "").strip() for field in PROVIDERS[kind].fields}
    kept = (
        {} if transport is None else {key: transport.options[key] for key in ("base_url",) if key in transport.options}
    )
    username, password = typed.pop("username", ""), typed.pop("password", "")
    options = {**{key: value for key, value in typed.items() if value}, **kept}
    return TransportFields(
        name=name or PROVIDERS[kind].title, username=username, password=password, options=options, **shared
    )


def _form_class(kind: str) -> type[TransportForm]:
    if kind == "smtp":
        return SmtpForm
    own = {OWN + field.name: _form_field(field) for field in PROVIDERS[kind].fields}
    # They all sign with the domain that was verified there; where nothing of ours arrives, there is no choice.
    own["signs"] = None if signs_alone(kind) else BooleanField(_SIGNS, default=True)
    return type("ApiForm", (_ApiForm,), own)


class _ApiForm(TransportForm):
    @property
    def own_fields(self) -> Iterator[Any]:
        """What this provider asks for."""
        return (field for field in self if field.name.startswith(OWN))


def _form_field(field: Field) -> Any:
    if field.choices:
        choices = [SelectChoice(value, label) for value, label in field.choices]
        default = field.default or field.choices[0][0]
        return SelectField(field.label, choices=choices, description=field.help, default=default)
    # A secret may be left empty where one is kept; whether it may is for `lacks_secret` to say.
    must = field.is_required and not field.is_secret
    checks: list[Any] = [DataRequired() if must else Optional(), Length(max=1000)]
    if field.pattern:
        checks.append(Regexp(rf"\s*(?:{field.pattern})\s*\Z", message=lazy_gettext("This does not look right.")))
    widget = PasswordField if field.is_secret else StringField
    return widget(field.label, checks, description=field.help, default=field.default or None)


def _secret_of(form: TransportForm) -> Any:
    return form["password" if isinstance(form, SmtpForm) else OWN + "password"]


def _needs_secret(fields: TransportFields) -> bool:
    return bool(fields.username) or fields.kind != "smtp"
