"""The worker's own connections to PostgreSQL: few, plain, with plans that do not change under load."""

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

_OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        # A claim touches a thousand rows of perhaps millions by their keys: any other plan comes of stale statistics.
        "enable_hashjoin=off",
        "enable_mergejoin=off",
        "enable_seqscan=off",
        "jit=off",
        "plan_cache_mode=force_generic_plan",
        "lock_timeout=10s",
        "idle_in_transaction_session_timeout=60s",
    )
)


async def connect(url: str) -> AsyncConnection[tuple[object, ...]]:
    """A connection in autocommit: every statement here is a transaction of its own. Raises OperationalError."""
    return await AsyncConnection.connect(
        url,
        autocommit=True,
        row_factory=tuple_row,
        prepare_threshold=0,
        application_name="merpati sending",
        options=_OPTIONS,
        connect_timeout=5,
        keepalives_idle=5,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=15_000,
    )
