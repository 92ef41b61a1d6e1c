"""A call in our own format that can be copied from the page and made at once."""

from typing import NamedTuple

EVENT = '{"id": "first-try", "type": "delivered", "recipient": "ada@example.org"}'
"""It names no message: it is stored, and nothing follows from it."""
YOURS = "paste the secret here"

_SHELL = """\
ADDRESS='{address}'
SECRET='{secret}'
BODY='{event}'
STAMP=$(date +%s)
SIGNATURE=$(printf '%s.%s' "$STAMP" "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)
curl "$ADDRESS" --data-binary "$BODY" -H 'Content-Type: application/json' \\
  -H "X-Merpati-Timestamp: $STAMP" -H "X-Merpati-Signature: v1=$SIGNATURE"
"""
_PYTHON = """\
import hashlib, hmac, time, urllib.request

address = "{address}"
secret = "{secret}"
body = b'{event}'

stamp = str(int(time.time()))
signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
headers = {{
    "Content-Type": "application/json",
    "X-Merpati-Timestamp": stamp,
    "X-Merpati-Signature": f"v1={{signature}}",
}}
call = urllib.request.Request(address, data=body, headers=headers)
print(urllib.request.urlopen(call).read().decode())
"""


class Examples(NamedTuple):
    """The same call, for a shell with curl and openssl, and for Python without anything besides."""

    shell: str
    python: str


def examples_for(address: str) -> Examples:
    """The example calls to a webhook's address; the secret is to be pasted."""
    given = {"address": address, "secret": YOURS, "event": EVENT}
    return Examples(_SHELL.format(**given), _PYTHON.format(**given))
