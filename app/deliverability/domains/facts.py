"""What we know of a domain's mail without asking anybody: how it goes out, and what it is signed with."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from app.core.errors import SettingsError
from app.core.extensions import settings
from app.sending.account import read_smtp_url
from app.sending.domains.keys import keys_of
from app.sending.domains.records import Record, key_record
from app.sending.domains.rotation import pair_of
from app.sending.domains.theirs import replaces_envelope, signs_alone
from app.sending.models import SendingDomain, Transport
from app.sending.transports import list_transports


@dataclass(frozen=True, slots=True)
class Relay:
    """A way out. `kind` is smtp or the name of a provider's API."""

    name: str
    kind: str
    host: str
    signs: bool

    @property
    def is_api(self) -> bool:
        return self.kind != "smtp"

    @property
    def has_own_envelope(self) -> bool:
        """Whether it puts in a return address of its own, for which SPF is asked then."""
        return replaces_envelope(self.kind, self.host)

    @property
    def is_on_this_machine(self) -> bool:
        """A mail server beside us, or the catcher: from where its mail comes is not to be seen in its name."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Facts:
    """`signing`: the name of the record of the key in use, empty without one; `public`: its value.

    `signs_as`: the d= of the signature. `is_named` and `has_bounces`: whether this machine's name and the bounce domain
    are ours, not those that stand in until they are set. `is_caught`: no mail leaves this machine.
    """

    domain: str
    bounce_domain: str
    report_address: str
    relays: tuple[Relay, ...]
    is_signing: bool
    signs_as: str
    signing: str
    public: str
    bounce_listen: str
    own_names: tuple[str, ...]
    is_named: bool = True
    has_bounces: bool = True
    is_caught: bool = False

    @property
    def relay_signs(self) -> bool:
        """Whether some mail is signed by others, with keys that we do not know."""
        return not self.is_signing or any(relay.signs for relay in self.relays)

    @property
    def only_relay_signs(self) -> bool:
        return not self.is_signing or (bool(self.relays) and all(relay.signs for relay in self.relays))

    @property
    def own_envelope(self) -> bool:
        """Whether all mail has our bounce domain in its envelope: most providers put in their own."""
        return not any(relay.has_own_envelope for relay in self.relays)

    def about(self, kind: str) -> str:
        """Names that may change by which a check asks and judges: of others, its finding tells nothing."""
        if kind == "dkim":
            return self.signing
        if kind == "alignment":
            return f"{self.bounce_domain} {'signed' if self.signing else ''}".rstrip()
        if kind in ("ptr", "tls"):
            return _together(self.own_names[0], self.bounce_domain, self.bounce_listen)
        return self.bounce_domain if kind in ("spf", "reports", "mx-bounce", "soa-bounce") else ""

    @property
    def takes_bounces(self) -> bool:
        """Whether some bounces come by mail: providers with an API tell of them by webhook."""
        return not self.relays or any(not relay.is_api for relay in self.relays)


def facts_of(domain: SendingDomain, name: str = "") -> Facts:
    """The facts about a domain of the workspace in scope, or about a name under it that its key signs for."""
    active, _following = pair_of(keys_of(domain), "rsa-sha256")
    record = key_record(domain.domain, active.selector, active.public) if active else None
    return _facts(name or domain.domain, domain.is_signing, domain.domain, record)


def facts_of_stranger(name: str) -> Facts:
    """The facts about a domain that is not set up: nothing is signed for it here."""
    return _facts(name, False, "", None)


def names_of_ours() -> str:
    """Where this installation is found, as it is set now."""
    ours = settings()
    return _together(ours.mail_domain.lower(), ours.bounce_domain.lower(), ours.bounce_listen)


def _together(*names: str) -> str:
    return " ".join(names)


def _facts(domain: str, is_signing: bool, signs_as: str, record: Record | None) -> Facts:
    ours, transports = settings(), list_transports()
    return Facts(
        domain=domain,
        bounce_domain=ours.bounce_domain.lower(),
        report_address=f"dmarc@{ours.bounce_domain.lower()}",
        relays=_relays(transports),
        is_signing=is_signing,
        signs_as=signs_as,
        signing=record.name if record else "",
        public=record.value if record else "",
        bounce_listen=ours.bounce_listen,
        own_names=(ours.mail_domain.lower(), ours.bounce_domain.lower(), domain),
        is_named=ours.has_mail_domain,
        has_bounces=ours.has_bounce_domain,
        is_caught=ours.catches_mail and not any(each.is_enabled for each in transports),
    )


def _relays(transports: Sequence[Transport]) -> tuple[Relay, ...]:
    rows = [each for each in transports if each.is_enabled]
    if rows:
        return tuple(_relay(each.name, each.kind, each.host.lower(), each.signs) for each in rows)
    try:
        account = read_smtp_url(settings().smtp_url, connections=1, timeout=1.0, hello="")
    except SettingsError:
        return ()
    return (_relay(account.name, "smtp", account.host.lower(), signs=False),)


def _relay(name: str, kind: str, host: str, signs: bool) -> Relay:
    return Relay(name, kind, host, signs or signs_alone(kind, host))
