"""Which way mail really leaves an installation: told from one query, for who starts or examines it."""

from dataclasses import dataclass

from app.core.settings import Settings, libpq_url

_COUNTS = """
SELECT count(*), count(DISTINCT t.workspace_id),
       (SELECT count(*) FROM workspaces w
        WHERE NOT EXISTS (SELECT FROM transports o WHERE o.workspace_id = w.id AND o.is_enabled))
FROM transports t WHERE t.is_enabled
"""


@dataclass(frozen=True, slots=True)
class WaysOut:
    """`transports` that are switched on, in so many `workspaces`; `without` are those on the installation's way."""

    caught: bool
    transports: int = 0
    workspaces: int = 0
    without: int = 0

    @property
    def mail_leaves(self) -> bool:
        """Whether any mail goes out for real."""
        return not self.caught or self.transports > 0


def ways_out(settings: Settings) -> WaysOut:
    """Those of the installation whose database the settings name."""
    import psycopg

    with psycopg.connect(libpq_url(settings.database_url), connect_timeout=5) as connection:
        row = connection.execute(_COUNTS).fetchone()
    caught = settings.smtp_url.endswith(settings.catcher_listen)
    return WaysOut(caught, *(row or ()))


def words_at_start(ways: WaysOut, page: str) -> str:
    """What a person who starts an installation with the catcher should know of its ways out."""
    if not ways.caught:
        return f"The mail catcher runs, but no mail goes to it: MERPATI_SMTP_URL names another way. Its page: {page}"
    if not ways.transports:
        return f"Mail is caught, not delivered: read it at {page} Set a real way out under Settings, Sending."
    set_up = (
        "1 transport is set under Settings, Sending, and its workspace's mail goes out by it."
        if ways.transports == 1
        else f"{ways.transports} transports are set under Settings, Sending, in {_workspaces(ways.workspaces)}, and "
        "mail goes out by them."
    )
    if not ways.without:
        return f"{set_up} Nothing goes to the mail catcher at {page}"
    return f"{set_up} Mail of {_workspaces(ways.without)} without one is caught: read it at {page}"


def _workspaces(count: int) -> str:
    return "1 workspace" if count == 1 else f"{count} workspaces"
