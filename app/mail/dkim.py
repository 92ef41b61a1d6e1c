"""Signing outgoing mail with DKIM (RFC 6376, RFC 8301, RFC 8463)."""

import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from app.core import clock
from app.core.errors import Invalid
from app.mail.addresses import MAX_DOMAIN, a_label
from app.mail.canonical import relaxed_body, relaxed_fields, simple_body
from app.mail.dkim_keys import Algorithm, PrivateKey, algorithm_of, checked_key
from app.mail.headers import MAX_FOLDED

Canonicalization = Literal["relaxed/relaxed", "relaxed/simple"]

SIGNED = (
    *("From", "To", "Cc", "Subject", "Date", "Message-ID", "Sender", "Reply-To", "In-Reply-To", "References"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Subscribe", "List-Owner"),
    *("List-Post", "List-Archive", "Feedback-ID", "Precedence", "CFBL-Address", "CFBL-Feedback-ID"),
)
"""Signed where present: what readers see and what programs act on (RFC 6376 §5.4.1, RFC 8058, RFC 9477)."""

OVERSIGNED = ("From", "To", "Subject", "Date")
"""Named once more than they occur, so that nobody adds another and sends the mail on (RFC 6376 §8.15)."""

_ONCE = (
    *(b"from", b"sender", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references"),
    *(b"mime-version", b"content-type", b"content-transfer-encoding"),
)
_BODIES = {"relaxed/relaxed": relaxed_body, "relaxed/simple": simple_body}
_FIELD = "DKIM-Signature: "
_NAME = re.compile(r"[!-9<-~]{1,40}")
_SELECTOR = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_BASE64_LINE = 72
_PADDING = PKCS1v15()
_SHA256 = hashes.SHA256()


def sign(data: bytes, signers: Sequence["Signer"]) -> bytes:
    """The mail with one DKIM-Signature of each signer before it, the first signer's on top.

    `data` has CRLF line ends. Raises Invalid when it has no From, or more than once what a mail has once.
    """
    head, _, body = data.partition(b"\r\n\r\n")
    fields = relaxed_fields(head)
    _check_singletons(fields)
    hashed = {
        form: _base64(sha256(_BODIES[form](body)).digest()) for form in {each.canonicalization for each in signers}
    }
    return b"".join([*[each.field(fields, hashed[each.canonicalization]) for each in signers], data])


class Signer:
    """One domain's signature, with a key that was read once. Raises Invalid for parts that verifiers would refuse.

    `oversign` replaces OVERSIGNED; a field that it names and the mail has not can then not be added either.
    """

    def __init__(
        self,
        domain: str,
        selector: str,
        key: PrivateKey,
        *,
        algorithm: Algorithm = "rsa-sha256",
        canonicalization: Canonicalization = "relaxed/relaxed",
        oversign: Sequence[str] = OVERSIGNED,
    ) -> None:
        self.record_name = record_name(domain, selector)
        self.canonicalization = canonicalization
        self._key = checked_key(key)
        if algorithm_of(key) != algorithm:
            raise Invalid(
                f"The key for {self.record_name} signs {algorithm_of(key)}, not {algorithm}; nothing was signed. "
                "Take the other algorithm or another key."
            )
        self._named = _named(oversign)
        self._tags = f"v=1; a={algorithm}; c={canonicalization}; d={a_label(domain)}; s={selector};"

    def sign(self, data: bytes) -> bytes:
        """The mail with this signature before it. Raises Invalid as the function `sign` does."""
        return sign(data, [self])

    def field(self, fields: dict[bytes, list[bytes]], body_hash: str) -> bytes:
        """The DKIM-Signature field, folded, for a mail's relaxed fields and its canonical body's hash in base64."""
        labels: list[str] = []
        signed: list[bytes] = []
        for name, label, more in self._named:
            lines = fields.get(name, ())
            labels += [label] * (len(lines) + more)
            # Of several fields of one name the lowest is taken first (RFC 6376 §5.4.2).
            signed += reversed(lines)
        start = (
            f"{_first_lines(self._tags, tuple(labels))}\r\n t={int(clock.now().timestamp())}; bh={body_hash};\r\n b="
        )
        # It folds before single spaces only, so unfolding is all that makes it relaxed.
        own = start.replace("\r\n", "").removeprefix(_FIELD)
        signature = self._signature(b"\r\n".join([*signed, f"dkim-signature:{own}".encode()]))
        return f"{start}{_cut(_base64(signature))}\r\n".encode()

    def _signature(self, canonical: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(canonical, _PADDING, _SHA256)
        # Ed25519 takes the SHA-256 of the data for the data (RFC 8463 §3).
        return self._key.sign(sha256(canonical).digest())


def record_name(domain: str, selector: str) -> str:
    """Where the TXT record with the public key stands (RFC 6376 §3.6.2.1). Raises Invalid."""
    name = f"{selector}._domainkey.{a_label(domain)}"
    if _SELECTOR.fullmatch(selector) is None or len(name) > MAX_DOMAIN:
        raise Invalid(
            f"{selector[:63]!r} cannot be a DKIM selector; nothing was changed. Use letters, digits and hyphens."
        )
    return name


def _named(oversign: Sequence[str]) -> list[tuple[bytes, str, int]]:
    """What to sign: the name as it is looked up, as `h=` spells it, and how often beyond its occurrences."""
    for name in oversign:
        if _NAME.fullmatch(name) is None:
            raise Invalid(f"{name[:40]!r} is not the name of a header field; no signature can name it.")
    labels = {name.lower(): name for name in (*oversign, *SIGNED)}
    more = {name.lower() for name in oversign}
    return [(name.encode(), label, int(name in more)) for name, label in labels.items()]


def _check_singletons(fields: dict[bytes, list[bytes]]) -> None:
    """Refuse what a mail may have only once (RFC 5322 §3.6): of two, a reader could show either (RFC 6376 §8.15)."""
    if b"from" not in fields:
        raise Invalid("The mail has no From field before its first empty line; it was not signed. Check its line ends.")
    for name in _ONCE:
        if len(fields.get(name, ())) > 1:
            raise Invalid(f"The mail has more than one {name.decode()} field; it was not signed. Remove all but one.")


@lru_cache(maxsize=256)
def _first_lines(tags: str, labels: tuple[str, ...]) -> str:
    """The field up to its `h=`, folded: the same for all mails of one make."""
    pieces = [f" {tag}" for tag in tags.split(" ")]
    pieces += [f"{label}:" for label in labels]
    pieces[-len(labels)] = f" h={labels[0]}:"
    pieces[-1] = f"{pieces[-1][:-1]};"
    lines = [_FIELD.rstrip(" ")]
    for piece in pieces:
        if len(lines[-1]) + len(piece) <= MAX_FOLDED:
            lines[-1] += piece
        else:
            lines.append(f" {piece.lstrip(' ')}")
    return "\r\n".join(lines)


def _cut(text: str) -> str:
    return "\r\n ".join([text[start : start + _BASE64_LINE] for start in range(0, len(text), _BASE64_LINE)])


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode()
