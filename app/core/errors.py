"""Errors with a meaning for the person who meets them. `app/core/http.py` maps them to HTTP; nothing else does."""


class MerpatiError(Exception):
    """Base of all expected errors: the text says what was wrong, what was kept, and what to do next."""


class SettingsError(MerpatiError):
    """The installation is not set up rightly; the start stops here."""


class NotFound(MerpatiError):
    """The thing does not exist in this workspace."""


class NotSignedIn(MerpatiError):
    """Nobody, or a program without a valid key."""


class NotAllowed(MerpatiError):
    """The person's role does not include this."""


class Invalid(MerpatiError):
    """Input that cannot be taken; `field` names the part of the form, where there is one."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Conflict(MerpatiError):
    """The thing has changed meanwhile, or is in a state that does not allow this."""


class Busy(MerpatiError):
    """So much of it is under way that no more is begun just now; nothing was done."""


class BadToken(MerpatiError):
    """A link, pixel or return address that we did not sign, or that is damaged."""


class TemporaryFailure(MerpatiError):
    """It did not work now; the same call may work later."""


class Unavailable(TemporaryFailure):
    """A part Merpati needs (database, queue, transport) does not answer."""
