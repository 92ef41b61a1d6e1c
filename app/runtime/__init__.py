"""The embedded default: PostgreSQL and Valkey on unix sockets, and the supervisor behind `bin/up`. Knows only core."""
