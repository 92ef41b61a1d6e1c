"""A call without any signature is not one with a wrong one: signing is off at the provider, or a header was lost."""

from app.tracking.webhooks.calls import Refused


def require_signature(given: object, place: str) -> None:
    """Raise Refused when nothing was given where the signature belongs."""
    if not given:
        raise Refused(f"The call is not signed: “{place}” is missing or empty. Nothing was stored.")
