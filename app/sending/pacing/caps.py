"""Further caps per provider beside the buckets, such as those of a sending identity that warms up."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from psycopg import AsyncConnection

Caps = Callable[[AsyncConnection[tuple[Any, ...]]], Awaitable[Mapping[str, int]]]
"""From a connection to provider → messages that may still go to it now, whoever sends them. Providers that are missing
have no cap. Asked about once a second by every run."""
