"""Evidence beside a masked address: the other side's words, with the person's address masked there as well.

Of a suppressed address only a keyed hash is kept, so a word is recognised by trying it.
"""

import re

from app.audience.addresses import address_hash, mask

_ADDRESS = re.compile(r"[^\s<>()\[\]{},;:\"'“”]+@[\w-]+(?:\.[\w-]+)+", re.UNICODE)
_WORD = re.compile(r"[\w.+=-]{1,64}", re.UNICODE)
_DESKS = frozenset({"postmaster", "abuse", "support", "help", "helpdesk", "delisting", "feedback", "noc", "security"})
"""Names that belong to nobody: whom to ask is worth reading."""


def masked_evidence(evidence: str, hint: str, digest: bytes, key: bytes) -> str:
    """The evidence with every address in it masked but those of desks, and the bare name before its @ as well.

    `hint` is the masked address, `digest` its hash, `key` the workspace's.
    """
    domain = hint.rpartition("@")[2]

    def bare(found: re.Match[str]) -> str:
        word = found[0].rstrip(".")
        is_theirs = address_hash(key, f"{word.lower()}@{domain}") == digest
        return f"{word[:1]}…{found[0][len(word) :]}" if is_theirs else found[0]

    return _WORD.sub(bare, _ADDRESS.sub(_masked, evidence))


def _masked(found: re.Match[str]) -> str:
    local = found[0].rpartition("@")[0]
    return found[0] if local.lower() in _DESKS else mask(found[0])
