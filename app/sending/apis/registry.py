"""The providers there are: what each is called, what its settings page asks, and who talks to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flask_babel import lazy_gettext as _

from app.sending.apis.account import ApiAccount
from app.sending.apis.mailgun import DOMAIN, MailgunSender
from app.sending.apis.postmark import PostmarkSender
from app.sending.apis.sender import Sender
from app.sending.apis.sendgrid import SendGridSender
from app.sending.apis.ses import REGION, SesSender

_KEY = r"[!-~]{1,512}"


@dataclass(frozen=True, slots=True)
class Field:
    """A question of the settings page. `username` and `password` are the account's own, other names go to `options`.

    The whole value must match `pattern`; `choices` are value and label, the first one is the default.
    """

    name: str
    label: str
    help: str = ""
    is_secret: bool = False
    is_required: bool = True
    pattern: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    default: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider with an API. `make` raises NoLine when the account is not complete."""

    title: str
    fields: tuple[Field, ...]
    most_per_call: int
    make: Callable[[ApiAccount], Sender]


_REGIONS = (("us", _("United States")), ("eu", _("European Union")))

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "ses": Provider(
            title="Amazon SES",
            fields=(
                Field("username", _("Access key ID"), pattern=r"[A-Z0-9]{16,128}"),
                Field("password", _("Secret access key"), is_secret=True, pattern=_KEY),
                Field("region", _("Region"), _("Where SES is set up, such as eu-central-1."), pattern=REGION),
                Field(
                    "configuration_set",
                    _("Configuration set"),
                    _("Names what SES does with events; without one there are no webhooks."),
                    is_required=False,
                    pattern=r"[A-Za-z0-9_\-]{1,64}",
                ),
                Field(
                    "bounces_by_mail",
                    _("Bounces by mail"),
                    _("SES sends them to our bounce domain, too. That domain must be verified in SES."),
                    is_required=False,
                    choices=(("no", _("No")), ("yes", _("Yes"))),
                ),
            ),
            most_per_call=SesSender.most_per_call,
            make=SesSender,
        ),
        "sendgrid": Provider(
            title="SendGrid",
            fields=(
                Field("password", _("API key"), _("It needs the permission Mail Send."), is_secret=True, pattern=_KEY),
                Field("region", _("Region"), choices=_REGIONS),
            ),
            most_per_call=SendGridSender.most_per_call,
            make=SendGridSender,
        ),
        "mailgun": Provider(
            title="Mailgun",
            fields=(
                Field("domain", _("Domain"), _("As it is set up at Mailgun."), pattern=DOMAIN),
                Field("password", _("API key"), _("A sending key is enough."), is_secret=True, pattern=_KEY),
                Field("region", _("Region"), choices=_REGIONS),
            ),
            most_per_call=MailgunSender.most_per_call,
            make=MailgunSender,
        ),
        "postmark": Provider(
            title="Postmark",
            fields=(
                Field("password", _("Server API token"), is_secret=True, pattern=_KEY),
                Field(
                    "stream",
                    _("Message stream"),
                    _("Newsletters belong on a broadcast stream."),
                    is_required=False,
                    pattern=r"[A-Za-z0-9_\-]{1,64}",
                    default="broadcast",
                ),
            ),
            most_per_call=PostmarkSender.most_per_call,
            make=PostmarkSender,
        ),
    }
)


def sender_for(account: ApiAccount) -> Sender:
    """Who talks to the account's provider. Raises NoLine when the account is not complete."""
    return PROVIDERS[account.kind].make(account)
