"""The logo beside a sender's name, which nobody needs: its record, the picture and the certificate."""

import hashlib
import math
import time
from dataclasses import dataclass, field, replace

from app.core import clock
from app.core.errors import Invalid, TemporaryFailure
from app.core.visible import visible_line
from app.deliverability.domains.bimi import fetching
from app.deliverability.domains.bimi.certificate import judge_certificate
from app.deliverability.domains.bimi.fetching import Fetched
from app.deliverability.domains.bimi.picture import judge_picture
from app.deliverability.domains.facts import Facts
from app.deliverability.domains.findings import Finding, concluded
from app.deliverability.domains.records.bimi import BimiRecord, is_bimi, read_bimi
from app.deliverability.domains.records.dns import Ask, Problem, fault, note
from app.deliverability.domains.records.tree import Tree, walk_tree

_TYPE = "image/svg+xml"


def check_bimi(facts: Facts, ask: Ask, until: float = math.inf) -> Finding:
    """What receivers would make of it, but for whom they trust. Takes six seconds at most beside DNS.

    `until`: when everything ends, by the monotonic clock.
    """
    tree = walk_tree(facts.domain, ask)
    at, found = _published(facts.domain, tree, ask)
    if not found:
        return Finding("bimi", "skipped", problems=(note("bimi-none"),))
    if len(found) > 1:
        return concluded("bimi", found, [fault("bimi-several", name=f"default._bimi.{at}")])
    try:
        record = read_bimi(found[0])
    except Invalid as error:
        return concluded("bimi", found, [fault("bimi-syntax", why=error)])
    if record.is_declined:
        return concluded("bimi", found, [note("bimi-declined")])
    look = _Look(ask, min(until, time.monotonic() + fetching.WHOLE))
    names = [at, facts.domain, tree.organisation]
    names += [f"default._bimi.{name}" for name in names]
    finding = concluded("bimi", found, [*_of_policy(tree), *look.at(record, names)])
    if finding.state == "ok" and look.unreached:
        return replace(finding, state="unknown", trouble=" ".join(look.unreached))
    return finding


def _published(domain: str, tree: Tree, ask: Ask) -> tuple[str, tuple[str, ...]]:
    """The records and at which name: the domain's own, else those of its organisation."""
    for name in dict.fromkeys((domain, tree.organisation)):
        found = tuple(text for text in ask(f"default._bimi.{name}", "TXT").values if is_bimi(text))
        if found:
            return name, found
    return domain, ()


def _of_policy(tree: Tree) -> list[Problem]:
    policy = tree.record.p if tree.record else "none"
    if policy == "none" or (tree.record and (tree.record.sp == "none" or tree.record.is_test)):
        return [fault("bimi-policy", name=tree.organisation)]
    return []


@dataclass(slots=True)
class _Look:
    """One look at what a record points to. `unreached`: why something could not be had just now."""

    ask: Ask
    until: float
    unreached: list[str] = field(default_factory=list)

    def at(self, record: BimiRecord, names: list[str]) -> list[Problem]:
        """What is wrong with the picture and the certificate, and what they are."""
        picture, problems = self._picture(record.logo)
        if not record.certificate:
            return [*problems, note("bimi-no-certificate")]
        certificate, more = self._certificate(record.certificate)
        problems += more
        if certificate is None:
            return problems
        judged = judge_certificate(certificate.body, names, clock.now())
        problems += judged.problems
        if picture and judged.pictures is not None:
            problems.append(_compared(picture.body, judged.pictures))
        return [*problems, note("bimi-cert-trust")] if judged.is_mark else problems

    def _picture(self, address: str) -> tuple[Fetched | None, list[Problem]]:
        if not address:
            return None, [fault("bimi-no-picture")]
        try:
            found = fetching.fetch(address, self.ask, self.until)
        except Invalid as error:
            return None, [fault("bimi-picture-unfetched", why=visible_line(str(error)))]
        except TemporaryFailure as error:
            return None, [note("bimi-picture-unreached", why=self._unreached("picture", error), address=address)]
        problems = [*_sent_on(address, found), *judge_picture(found.body)]
        kind = found.type.partition(";")[0].strip().lower()
        if kind != _TYPE:
            problems.append(note("bimi-picture-type", type=visible_line(kind[:100]) or "–", right=_TYPE))
        return found, problems

    def _certificate(self, address: str) -> tuple[Fetched | None, list[Problem]]:
        try:
            found = fetching.fetch(address, self.ask, self.until)
        except Invalid as error:
            return None, [fault("bimi-cert-unfetched", why=visible_line(str(error)))]
        except TemporaryFailure as error:
            return None, [note("bimi-cert-unreached", why=self._unreached("certificate", error), address=address)]
        return found, _sent_on(address, found)

    def _unreached(self, what: str, error: TemporaryFailure) -> str:
        why = visible_line(str(error))
        self.unreached.append(f"The {what} of the logo could not be fetched: {why}")
        return why


def _sent_on(address: str, found: Fetched) -> list[Problem]:
    if found.at == address:
        return []
    return [note("bimi-redirect", address=visible_line(address[:200]), at=visible_line(found.at[:200]))]


def _compared(picture: bytes, certified: list[bytes]) -> Problem:
    if not certified:
        return note("bimi-not-compared")
    if picture in certified:
        return note("bimi-same", hash=hashlib.sha256(picture).hexdigest()[:16])
    return fault("bimi-differs")
