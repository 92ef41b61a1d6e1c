"""`python -m app.simulator`: the world with a file of moods, for plays in which providers change their minds."""

from pathlib import Path
from typing import Any

import click

from app.core.settings import load_settings
from app.simulator.config import WorldConfig
from app.simulator.providers import MARKETS
from app.simulator.world import run


@click.command()
@click.option("--moods", "mood_path", type=click.Path(path_type=Path), help="JSON: provider → what is wrong there.")
@click.option("--truth", "truth_path", type=click.Path(path_type=Path), help="File that takes down what happened.")
@click.option("--seed", default=1, show_default=True)
@click.option("--time-scale", default=1.0, show_default=True, help="Real seconds per simulated second.")
@click.option("--market", default="us", type=click.Choice(sorted(MARKETS)), show_default=True, help="Whose providers.")
@click.option("--hours", "horizon_hours", default=168.0, show_default=True, help="What would come later never does.")
@click.option("--fresh-list", is_flag=True, help="Never mailed before: more dead addresses.")
@click.option("--forwarded", is_flag=True, help="Send made-up X-Forwarded-For addresses.")
def main(**options: Any) -> None:
    """A world of inboxes whose moods can be changed while it runs."""
    settings = load_settings()
    run(
        WorldConfig(
            smtp_listen=settings.catcher_listen,
            page_listen=settings.catcher_page,
            bounce_smtp=settings.bounce_listen,
            site=settings.base_url,
            **options,
        )
    )


if __name__ == "__main__":
    main()
