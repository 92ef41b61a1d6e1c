"""To whom the returned mail was written."""

from app.mail.mime import Part
from app.mail.recipients import all_addresses


def returned_recipient(mail: Part) -> str:
    """The only recipient that the returned mail's header names, or an empty text: of several, nobody knows which."""
    for part in mail.walk():
        if part.is_enclosed_mail and part.parts:
            header = part.parts[0].header
            named = all_addresses(", ".join((*header.all("To")[:5], *header.all("Cc")[:5])))
            return named[0] if len(named) == 1 else ""
    return ""
