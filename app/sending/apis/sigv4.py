"""Signature Version 4 of Amazon Web Services, for a call without query.

Source: AWS General Reference, "Create a signed AWS API request".
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


def signed_headers(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    key_id: str,
    secret: str,
    region: str,
    service: str,
    at: datetime,
) -> dict[str, str]:
    """The headers with date and authorization; all of them and the host are signed. `at` is in UTC."""
    parts, moment = urlsplit(url), at.strftime("%Y%m%dT%H%M%SZ")
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"host": parts.netloc, "x-amz-date": moment}
    names = ";".join(sorted(signed))
    fields = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    # Every service but S3 has the path encoded twice; httpx has encoded it once.
    canonical = f"{method}\n{quote(parts.path or '/')}\n\n{fields}\n{names}\n{sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = _mac(_signing_key(secret, moment[:8], region, service), to_sign).hex()
    authorization = f"{_ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "X-Amz-Date": moment, "Authorization": authorization}


@lru_cache(maxsize=64)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for word in (day, region, service, "aws4_request"):
        key = _mac(key, word)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), sha256)
