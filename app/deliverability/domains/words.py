"""What problems and checks are called on the page: for people who own a domain and have not read an RFC."""

from flask_babel import lazy_gettext as _

from app.deliverability.domains.bimi.words import BIMI_WORDS
from app.deliverability.domains.findings import Kind
from app.deliverability.domains.records.dns import Problem

TITLES: dict[Kind, str] = {
    "spf": _("SPF of the return address"),
    "dkim": _("DKIM signature"),
    "dmarc": _("DMARC policy"),
    "alignment": _("Alignment: From agrees with SPF or DKIM"),
    "reports": _("DMARC reports"),
    "mx": _("Answers to the sender (MX)"),
    "mx-bounce": _("Bounces come back (MX)"),
    "soa": _("The sender's domain exists (SOA)"),
    "soa-bounce": _("The return address's domain exists (SOA)"),
    "ptr": _("Reverse name of the sending server (PTR)"),
    "tls": _("TLS for bounces"),
    "bimi": _("Logo (BIMI), optional"),
}

WARNINGS = frozenset({"bimi-cert-ends-soon"})
"""Problems that are no fault yet, and will be one."""

WAITS = _("There is nothing to check or publish before %(name)s is set, see above.")

_WORDS = {
    "spf-missing": _(
        "%(name)s has no SPF record, so receivers cannot tell whether your server may send. Publish the one below."
    ),
    "spf-several": _("%(name)s has more than one SPF record, so receivers take none of them. Leave one."),
    "spf-syntax": _("Receivers cannot read the record: %(why)s Publish the one below in its place."),
    "spf-lookups": _(
        "The record makes receivers look up %(count)s names; after %(most)s they give up and SPF fails. Take out the "
        "includes of services that no longer send for you."
    ),
    "spf-voids": _("%(count)s of its lookups find nothing; after %(most)s receivers give up. Remove dead entries."),
    "spf-include-missing": _("%(by)s refers to %(name)s, which has no SPF record; SPF fails for that. Remove it."),
    "spf-include-several": _(
        "%(by)s refers to %(name)s, which has several SPF records; SPF fails for that. Tell its owner, or take it out."
    ),
    "spf-include-syntax": _(
        "The record of %(name)s, which yours refers to, cannot be read: %(why)s Tell its owner, or take it out."
    ),
    "spf-everybody": _("The record ends in +all: anybody may send in your name. End it in ~all."),
    "spf-no-all": _("The record does not say what holds for other servers. End it in ~all."),
    "spf-relay": _("Your relay %(relay)s is not in the record. Add include:%(include)s."),
    "spf-relay-unseen": _(
        "We do not see your relay %(relay)s by name in the record; it may be there by its addresses. If not, add it."
    ),
    "spf-mx-many": _(
        "%(name)s has more than %(most)s mail servers (MX), which mx in the record makes receivers look up; SPF fails "
        "for that. Take mx out and name the servers that send."
    ),
    "spf-include-everybody": _("%(name)s, which the record includes, lets everybody send: so does yours. Take it out."),
    "spf-ptr": _("The record uses ptr, which is slow and which many receivers ignore."),
    "spf-macro": _("%(term)s depends on each mail, so it was counted but not followed."),
    "spf-counted": _("It takes %(count)s lookups; 10 are allowed."),
    "spf-by-provider": _("Your provider puts its own domain into the envelope, so SPF is its business."),
    "dkim-by-relay": _("Your relay signs. Which key it uses is not known here."),
    "dkim-none": _("No key signs yet: publish the key's record above, then check."),
    "dkim-missing": _("The record at %(name)s is not there, so no signature can be verified. Publish it."),
    "dkim-wrong": _("The record at %(name)s holds another key, so every signature fails. Replace it."),
    "dkim-revoked": _("The record at %(name)s says that the key is revoked (empty p=). Publish the key again."),
    "dkim-no-key": _("What stands at %(name)s is no DKIM record, so no signature can be verified. Publish the key's."),
    "dkim-test": _("The record is marked as a test (t=y): some receivers take the mail as unsigned. Take t=y out."),
    "dkim-several": _("There are several records at %(name)s, and receivers may take any. Leave one."),
    "dkim-small": _(
        "The key has %(bits)s bits; receivers take none below %(fewest)s. Make a new key above and publish its record."
    ),
    "dkim-short": _("The key has %(bits)s bits; %(better)s are advised. Change to a new key when it suits you."),
    "dmarc-missing": _(
        "There is no DMARC record for %(name)s or a domain above it. Mail in bulk needs one: publish the one below."
    ),
    "dmarc-several": _("%(name)s has more than one DMARC record, so receivers take none of them. Leave one."),
    "dmarc-syntax": _("“%(part)s” in the record cannot be read. Correct it or take it out."),
    "dmarc-twice": _("The tag %(tag)s= stands in the record twice; the first one counts. Take out the other."),
    "dmarc-value": _("%(tag)s=%(value)s is not known; receivers take it as not said. Correct it."),
    "dmarc-void": _(
        "A policy that is not known and no address for reports (rua=): receivers take the record as not there. "
        "Correct the policy: none, quarantine or reject."
    ),
    "dmarc-rua": _("%(value)s is not an address for reports: write mailto: before it."),
    "dmarc-no-p": _("p= is not said, which means none. Older receivers ignore such a record: write p=none."),
    "dmarc-gone": _("The tag %(tag)s= has no meaning any more. You can take it out."),
    "dmarc-policy-none": _("Mail that fails is delivered all the same (p=none): enough for bulk mail."),
    "dmarc-policy-quarantine": _("Mail that fails is to go to the spam folder (quarantine)."),
    "dmarc-policy-reject": _("Mail that fails is to be refused (reject)."),
    "dmarc-from-above": _("The policy comes from %(name)s."),
    "dmarc-test": _("The policy is marked as a test (t=y): receivers do not act on it."),
    "align-no-dmarc": _("Decided by DMARC, which is missing."),
    "align-spf": _("SPF vouches for %(name)s, which belongs to your domain."),
    "align-spf-foreign": _("SPF vouches for %(name)s, which is not of your domain; it does not count for DMARC."),
    "align-spf-strict": _("SPF vouches for %(name)s, but aspf=s asks for exactly your domain; it does not count."),
    "align-spf-provider": _("SPF vouches for your provider's domain unless you set one up there."),
    "align-dkim": _("DKIM signs as %(name)s, which is your domain."),
    "align-strict-dkim": _("adkim=s: only mail from exactly this domain counts as signed by it, none from below."),
    "align-unknown": _("Your relay signs; whether with your domain, the DMARC reports tell."),
    "align-none": _(
        "Neither SPF nor DKIM vouches for %(name)s, so DMARC fails for every mail. Publish the DKIM key's record "
        "above: what it signs bears your domain."
    ),
    "rua-none": _("Nobody gets reports. Add rua= to the record to see who sends in your name."),
    "rua-elsewhere": _("Reports go elsewhere. Add mailto:%(address)s to see them here."),
    "rua-not-agreed": _(
        "Reports to %(address)s are not sent until %(name)s has a TXT record v=DMARC1. Publish it, or ask whoever runs "
        "that domain."
    ),
    "mx-null": _(
        "%(name)s says that it takes no mail (null MX), and receivers refuse mail that cannot be answered. Put the MX "
        "of your mailboxes in its place, or send from a domain that has one."
    ),
    "mx-none": _(
        "%(name)s has neither MX nor address: what people answer, or what bounces, cannot reach you. Publish an MX "
        "record."
    ),
    "mx-dead": _(
        "No mail server that the MX of %(name)s names has an address (%(hosts)s), so nothing can reach it. Correct the "
        "MX record, or publish the address."
    ),
    "mx-null-beside": _("A null MX stands beside others, and may only stand alone (RFC 7505). Take it out."),
    "mx-by-address": _("%(name)s has no MX; mail goes to its address, which is allowed."),
    "soa-no-name": _(
        "%(name)s does not exist in DNS, and receivers refuse mail from names that are not there. Correct the name, or "
        "have it set up at whoever runs your DNS."
    ),
    "soa-none": _(
        "No zone answers for %(name)s, and receivers refuse mail from such names. Ask whoever runs your DNS to mend it."
    ),
    "ptr-local": _(
        "Not checked: mail is caught, or leaves through a server on this machine, which has no name set yet."
    ),
    "ptr-theirs": _("Not checked: the relay is not yours, its owner sees to this."),
    "ptr-no-address": _(
        "%(host)s has no address. Publish an A record, or correct the name: the transport's, or MERPATI_MAIL_DOMAIN."
    ),
    "ptr-none": _("%(address)s has no reverse name. Ask whoever gave you the address for one."),
    "ptr-not-confirmed": _(
        "%(address)s is called %(name)s, but that name does not lead back to it. Publish an address record for the "
        "name, or have the reverse name changed."
    ),
    "tls-not-checked": _("Not checked: the MX of the bounce domain is not this installation's listener."),
    "tls-no-listener": _("Not checked: nobody answers at %(address)s just now."),
    "tls-none": _("The listener takes bounces without TLS. Nothing is refused for that."),
    **BIMI_WORDS,
}


def words_of(problem: Problem) -> str:
    """The sentence for a problem."""
    return str(_WORDS[problem.code]) % dict(problem.values)
