"""`merpati watch recount`: the hourly counts of deliverability, made anew from attempts and events."""

import click

from app.shell.campaigns import JSON, out
from app.shell.context import prepared_app


@click.command()
@JSON
def recount(as_json: bool) -> None:
    """Count every hour anew, in all workspaces. Safe at any time."""
    with prepared_app():
        from app.core.database import every_workspace
        from app.deliverability.watch.rollup import recount_all

        with every_workspace():
            rows = recount_all()
    out({"rows": rows}, as_json, f"Counted anew: {rows:,} rows.")
