"""What single mailbox providers mean by their codes, where that differs from the standards or says more than words.

A rule applies when the reply comes from one of the hosts (or carries their signature) and the pattern is found in it.
Sources: the providers' published lists of replies (Google Workspace Admin Help "SMTP error reference", Microsoft Learn
"NDR codes in Exchange Online", Outlook.com Postmaster, Yahoo Sender Hub "SMTP error codes", Broadcom "Outbound Mail
returned by MAILER-DAEMON@messagelabs.com", Yandex Mail help "Report on non-delivery to Yandex").
"""

import re
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class _Provider:
    """`vouches` finds the words in which it says at any stage that somebody does not exist. `reports`: its words for
    other servers' replies are known too, so that it counts as the reporting system as well.
    """

    hosts: tuple[str, ...]
    signature: re.Pattern[str]
    rules: tuple[tuple[re.Pattern[str], str], ...]
    vouches: re.Pattern[str] | None
    reports: bool


class ProviderRule(NamedTuple):
    """A rule that applied: whose, which words it found, and what they mean there."""

    provider: str
    reason: str
    said: str
    vouches: bool
    firsthand: bool
    """Said by the provider itself, and no report of what another server said."""


def _provider(
    hosts: str, signature: str, *rules: tuple[str, str], vouches: str = "", reports: bool = False
) -> _Provider:
    compiled = tuple((re.compile(pattern, re.IGNORECASE), reason) for pattern, reason in rules)
    sure = re.compile(vouches, re.IGNORECASE) if vouches else None
    return _Provider(tuple(hosts.split()), re.compile(signature, re.IGNORECASE), compiled, sure, reports)


_PROVIDERS = (
    _provider(
        "google.com googlemail.com gmail.com",
        r"\bgsmtp\b|support\.google\.com|groups\.google\.com/support",
        (r"[45]\.7\.(23|25)\b", "requireptr"),
        (r"[45]\.7\.29\b", "failedstarttls"),
        (r"[45]\.7\.(24|26|27|30|31|32|40)\b", "authfailure"),
        (r"4\.7\.28\b", "speeding"),
        # The same 5.2.1 says "receives too much just now" and "inactive": only the words tell.
        (r"[45]\.2\.1\b.{0,400}receiving", "speeding"),
        (r"[45]\.2\.1\b", "suspend"),
        (r"[45]\.2\.2\b", "mailboxfull"),
        (r"\b5\.1\.1\b", "userunknown"),
        (r"address (?:couldn.t be found|not found)|account that you tried to reach does not exist", "userunknown"),
        (r"did not accept our requests to connect", "expired"),
        (r"5\.7\.0\b.{0,200}content presents a potential", "policyviolation"),
        # Google Groups takes mail of members only, or the group is gone: the notice does not say which.
        (r"groups\.google\.|group you tried to contact", "rejected"),
    ),
    _provider(
        "outlook.com hotmail.com office365.com microsoft.com",
        r"protection\.outlook\.com|prod\.outlook\.com|olc\.protection|mail\.live\.com|postmaster\.live\.com",
        (r"\bRP-00[123]\b", "speeding"),
        (r"\b(SC-00[1-4]|DY-00[12]|OU-00[12])\b", "blocked"),
        (r"\bS(3140|3150)\b|5\.7\.(60[6-9]|6[1-4]\d)\b", "blocked"),
        (r"\b5\.7\.(515|509)\b", "authfailure"),
        (r"\b[45]\.7\.(64|54)\b", "norelaying"),
        # "Recipient address rejected: Access denied": the directory of the receiving organization has no such address.
        (r"\b5\.4\.1\b.{0,200}recipient address(?:es)? rejected", "userunknown"),
        (r"\b5\.4\.310\b", "hostunknown"),
        (r"\b[45]\.4\.312\b", "networkerror"),
        (r"\b4\.7\.65\d\b", "badreputation"),
        (r"\b5\.1\.10\b", "userunknown"),
        (r"\b5\.7\.(12[34]|13[36])\b", "filtered"),
        # "550 5.5.0": Outlook.com and Hotmail have these words for whom they do not know, and say so at RCPT only.
        (r"\b550\b.{0,20}requested action not taken: mailbox unavailable(?! or)", "userunknown"),
        vouches=r"mailbox unavailable|recipient address rejected",
    ),
    _provider(
        "mail.ru",
        # It takes every recipient first; which of them do not exist it says after DATA, each by name.
        r"\bmxs\.mail\.ru\b|help\.mail\.ru|not accepted -- invalid mailbox",
        (r"unavailable: account is disabled", "suspend"),
        (
            r"invalid mailbox\b.{0,400}(?:user not found|no such user|user is terminated)|\bno such user\b",
            "userunknown",
        ),
        vouches=".",
    ),
    _provider(
        "gmx.net gmx.com web.de mail.com ionos.com ionos.de kundenserver.de perfora.net",
        r"postmaster\.(?:gmx|web|mail)\.(?:net|com|de)\b",
        (r"\b550\b.{0,20}requested action not taken: mailbox unavailable", "userunknown"),
    ),
    _provider(
        # The subscriber's own refusal of a sender is answered like this, too.
        "docomo.ne.jp",
        # A code of its own it gives for addresses that do not exist.
        r"\bdocomo\.ne\.jp\b",
        (r"\A5\.1\.1\b.{0,200}(?:unknown user|user unknown)", "userunknown"),
        (r"unknown user|user unknown", "filtered"),
    ),
    _provider(
        "qq.com",
        r"service\.mail\.qq\.com|\bmx\d?\.qq\.com\b",
        (r"suspected (?:bounce|spam)|spam", "spamdetected"),
        (r"ip frequency limited|frequency limited|sender frequency", "speeding"),
        (r"connection (?:denied|frequency)", "blocked"),
        # Too much mail for this person just now.
        (r"mailbox unavailable or access denied", "speeding"),
        (r"mailbox (?:unavailable|not found)|(?:recipient|user) not exist", "userunknown"),
    ),
    _provider(
        "icloud.com apple.com me.com mac.com",
        r"support\.apple\.com|\bicloud\.com/",
        (r"\[(?:HM|CS)\d+\]|local policy", "policyviolation"),
        (r"over quota", "mailboxfull"),
    ),
    _provider(
        "mimecast.com",
        r"mimecast|community\.mimecast",
        (r"\bMCSpam|spam", "spamdetected"),
        (r"anti-spoofing|sender address verification", "rejected"),
        (r"greylist|please retry", "systemerror"),
    ),
    _provider(
        "yahoodns.net yahoo.com aol.com",
        r"senders\.yahooinc\.com|postmaster\.yahoo|help\.yahoo\.com|postmaster\.aol|\bmta\d+\.mail\.\w+\.yahoo\.com\b",
        (r"\[(BL|PH)\d+\]", "blocked"),
        (r"\[TSS?\d+\]", "badreputation"),
        (r"too many connections", "toomanyconn"),
        (r"(?:user|account) (?:does not|doesn.t) have an? \S{1,60} account|mailbox not found", "userunknown"),
        (r"mailbox is disabled", "suspend"),
        # The address is somebody else's since (RFC 7293).
        (r"\bis no longer valid\b", "userunknown"),
        # It takes every recipient first, and says after DATA which of them do not exist.
        vouches=".",
    ),
    _provider(
        # Its directory check answers with the code of a security rule (5.7.1); so do the rules of its customers.
        "trendmicro.com trendmicro.eu",
        r"\btmes\.trendmicro\.\w+|recipient address rejected: (?:block-|no-domain|invalid-recipient)",
        (r"recipient address rejected: invalid-recipient", "userunknown"),
        (r"recipient address rejected: (?:block-|no-domain)", "policyviolation"),
        vouches="invalid-recipient",
    ),
    _provider(
        "ppe-hosted.com",
        r"\bppe-hosted\.com\b",
        (r"marked as invalid|user unknown", "userunknown"),
        vouches=".",
    ),
    _provider(
        # "No such user" has the code of a security rule (5.7.1) here; its help says that the address does not exist.
        "yandex.ru yandex.net yandex.com",
        r"\byandex\.(?:ru|net|com)\b",
        (r"\bno such user\b", "userunknown"),
        (r"policy rejection on the target address", "suspend"),
        (r"mailbox size (?:limit )?exceeded", "mailboxfull"),
        vouches=".",
    ),
    _provider(
        # Its notices hold the reply of the recipient's server; these are the forms for addresses not registered there.
        "messagelabs.com",
        r"\.messagelabs\.com\b",
        (r"\b5\d\d\b.{0,300}(?:no such user|user unknown|unknown user)", "userunknown"),
        (r"\b542 \S{3,320} rejected", "userunknown"),
        vouches=".",
        reports=True,
    ),
)
_LONGEST = 2000


def reason_by_provider(text: str, remote_host: str, reporter: str = "") -> ProviderRule | None:
    """The rule that knows the words of the provider that replied, or of a gateway that reports; None when none does."""
    text = text[:_LONGEST]
    provider = _provider_of(text, remote_host) or _gateway(reporter)
    if provider is None:
        return None
    for pattern, reason in provider.rules:
        if found := pattern.search(text):
            said = " ".join(found[0].split())[:100]
            vouches = provider.vouches is not None and provider.vouches.search(said) is not None
            return ProviderRule(provider.hosts[0], reason, said, vouches, not provider.reports)
    return None


def _provider_of(text: str, remote_host: str) -> _Provider | None:
    host = remote_host.lower().rstrip(".")
    return next(
        (one for one in _PROVIDERS if _is_under(host, one.hosts) or one.signature.search(text)),
        None,
    )


def _gateway(reporter: str) -> _Provider | None:
    host = reporter.lower().rstrip(".")
    return next((one for one in _PROVIDERS if one.reports and _is_under(host, one.hosts)), None)


def _is_under(host: str, suffixes: tuple[str, ...]) -> bool:
    return any(host == suffix or host.endswith(f".{suffix}") for suffix in suffixes)
