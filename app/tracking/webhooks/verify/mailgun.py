"""Mailgun signs a time and a token of one use, but not the event: so a token that came once opens nothing else.

After the documentation of Mailgun (Securing Webhooks; Automatic Retries): hex HMAC-SHA256 over timestamp and token; for
a subaccount, beside its own, a `parent-signature` by the key of the primary account; a call that was not answered by
200 or 406 comes again for eight hours, and users saw it come with the same signature.
"""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from app.tracking.webhooks.calls import Call, Lock, Once, Refused
from app.tracking.webhooks.reading import text_at
from app.tracking.webhooks.verify.lateness import check_lateness
from app.tracking.webhooks.verify.unsigned import require_signature

LATEST = 9 * 3600
SLACK = timedelta(hours=1)
"""Kept longer than it opens: whoever forgets may have another clock than whoever judges."""
_DIGEST = 16


def verify_mailgun(call: Call, lock: Lock, body: Any) -> None:
    """Raise Refused unless the call is signed by the key entered here, and fresh."""
    stamp, token = _signed(body)
    expected = hmac.new(lock.secret.encode(), f"{stamp}{token}".encode("utf-8", "replace"), sha256).hexdigest().encode()
    given = [text_at(body, "signature", name) for name in ("signature", "parent-signature")]
    require_signature("".join(given), "signature")
    if not any(hmac.compare_digest(expected, signature.encode("utf-8", "replace")) for signature in given):
        raise Refused("The signature is not Mailgun's by the key entered here. Nothing was stored.")
    # Without a length for each, digits could wander from the time to the token under the same signature.
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) == 10 and len(token) >= 16):
        raise Refused("The signed time or the token is not one. Nothing was stored.")
    check_lateness(call, int(stamp), LATEST)


def once_of_mailgun(call: Call, lock: Lock, body: Any) -> Once:
    """The token of a verified call: as short as is safe, since there is one for each event of the last hours."""
    stamp, token = _signed(body)
    digest = hmac.new(lock.secret.encode(), b"token:" + token.encode("utf-8", "replace"), sha256).digest()
    out_of_date = datetime.fromtimestamp(int(stamp), UTC) + timedelta(seconds=LATEST)
    return Once(digest[:_DIGEST], sha256(call.body).digest()[:_DIGEST], out_of_date + SLACK)


def _signed(body: Any) -> tuple[str, str]:
    return text_at(body, "signature", "timestamp"), text_at(body, "signature", "token")
