"""`merpati …`: each command is one call. `--json` prints what a program would read."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from app.core.errors import MerpatiError
from app.shell.context import installation, prepared_app
from app.shell.paths import GivenPath

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
WORKSPACE = click.option("--workspace", default="", help="Slug of the workspace; needed when there are several.")


class Commands(click.Group):
    """Expected errors are sentences, not tracebacks."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MerpatiError as error:
            click.echo(str(error), err=True)
            ctx.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="merpati", message="%(version)s")
def main() -> None:
    """Merpati: newsletters with a provable ledger."""


@main.command()
@click.option("--open-world", is_flag=True, help="Do not start the mail catcher, whatever the settings say.")
def up(open_world: bool) -> None:
    """Start everything on this machine; Ctrl-C ends it."""
    from app.shell.up import run_up

    run_up(catcher=False if open_world else None)


@main.command()
@click.option("--once", is_flag=True, help="Stop afterwards; exit code 1 if any number does not add up.")
@click.option("--people", default=5_000, show_default=True, help="How many people to generate.")
@click.option("--seed", default=1, show_default=True, help="Seeds the simulated world.")
@click.option("--seconds", default=30, show_default=True, help="Real seconds that two simulated days take.")
@click.option("--home", type=GivenPath(), help="Home of the demo. [default: ./var/demo]")
@JSON
def demo(once: bool, people: int, seed: int, seconds: int, home: Path | None, as_json: bool) -> None:
    """Run the main job for real against a simulated world of inboxes."""
    from app.demo.run import run_demo

    sys.exit(run_demo(once=once, people=people, seed=seed, seconds=seconds, home=home, as_json=as_json))


@main.command()
@JSON
def doctor(as_json: bool) -> None:
    """Tell what is wrong, one line each with the cure; exit code 1 if anything is."""
    from app.shell.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([finding.as_dict() for finding in findings]))
    else:
        for finding in findings:
            click.echo(finding.line())
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


@main.command()
@JSON
def migrate(as_json: bool) -> None:
    """Bring the database up to this version."""
    with prepared_app(migrated=False):
        from app.core.database import db
        from app.core.migrations import migrate as run

        done = run(db.engine)
    say({"migrated": done}, as_json, "Already up to date." if not done else f"Migrated: {', '.join(done)}.")


@main.command("create-owner")
@click.option("--email", required=True)
@click.option("--workspace", "name", default="Newsletter", show_default=True, help="Name of the workspace to create.")
@click.option("--postal-address", default="", help="Stands at the foot of every newsletter.")
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
@JSON
def create_owner(email: str, name: str, postal_address: str, password: str, as_json: bool) -> None:
    """Create an owner and a workspace."""
    with prepared_app(web=True):
        from app.shell.people import make_owner

        slug = make_owner(email, name, password, postal_address)
    say({"email": email, "workspace": slug}, as_json, f"{email} is the owner of {slug}. Sign in at /sign-in.")


@main.command("sign-in-link")
@click.option("--email", required=True)
@JSON
def sign_in_link(email: str, as_json: bool) -> None:
    """Make a link that signs a person in once, within a day."""
    with prepared_app():
        from app.shell.people import make_sign_in_link

        link = make_sign_in_link(email)
    say({"link": link}, as_json, link)


@main.command("import")
@click.argument("file", type=GivenPath(exists=True, dir_okay=False))
@click.option("--list", "list_name", required=True, help="Name of the list; a new one is made, and said so.")
@click.option("--make-addresses", metavar="PATTERN", help="Make addresses, on reserved domains only, from {row}.")
@click.option("--map", "mapping", multiple=True, metavar="COLUMN=FIELD", help="Put a column into a field.")
@click.option("--pending", is_flag=True, help="People come in unconfirmed.")
@click.option("--consent", default="", help="Where the consent comes from; kept as evidence.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@WORKSPACE
@JSON
def import_(file: Path, list_name: str, workspace: str, as_json: bool, **options: Any) -> None:
    """Import people from a CSV file."""
    from app.shell.importing import import_people

    sys.exit(import_people(file, list_name, workspace, as_json=as_json, **options))


class CampaignCommands(Commands):
    """Loaded when asked for: they bring the database's library along, which most processes can start without."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        return sorted(self._load())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return self._load().get(cmd_name)

    def _load(self) -> dict[str, click.Command]:
        from app.shell.campaigns import commands
        from app.shell.ledger import commands as of_the_ledger

        return {command.name: command for command in (*commands, *of_the_ledger) if command.name}


@main.group(cls=CampaignCommands)
def campaign() -> None:
    """list, create, test, launch, pause, resume, undo, cancel, status, report, ledger, retry, settle, correct."""


@main.command()
@click.option("--queues", default="", help="Comma separated; all of them when left out.")
@click.option("--burst", is_flag=True, help="End when nothing waits.")
def worker(queues: str, burst: bool) -> None:
    """Work through jobs until told to stop."""
    with prepared_app(only_environment=True):
        # By name: the application never imports its workers, so no job can be called around the queue.
        runtime = importlib.import_module("workers.runtime")
        chosen = tuple(name for name in queues.split(",") if name)
        runtime.work(*((chosen,) if chosen else ()), burst=burst)


@main.command()
def schedule() -> None:
    """Look each second for what is due; of several copies one works."""
    with prepared_app(only_environment=True):
        importlib.import_module("workers.schedule").run()


class WatchCommands(CampaignCommands):
    """Loaded when asked for, as those of campaigns."""

    def _load(self) -> dict[str, click.Command]:
        from app.shell.watch import recount

        return {"recount": recount}


@main.group(cls=WatchCommands)
def watch() -> None:
    """The watch on deliverability: recount."""


@main.group(cls=Commands)
def bounces() -> None:
    """Bounces: listen for them, or say what a message means."""


@bounces.command()
def listen() -> None:
    """The built-in SMTP mailbox for the bounce domain."""
    from app.shell.up import check_listener

    check_listener(installation())
    with prepared_app(only_environment=True):
        from app.tracking.listener import run

        run(installation())


@bounces.command()
@click.argument("paths", nargs=-1, required=True, type=GivenPath(allow_dash=True))
@click.option("--mbox", is_flag=True, help="Each file holds several mails, as one called .mbox does anyway.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, one for each mail.")
def classify(paths: tuple[Path, ...], mbox: bool, as_json: bool) -> None:
    """Say what messages mean: files, folders of them, or `-` for standard input; one line each."""
    from app.shell.classify import classify_paths

    classify_paths(paths, as_json=as_json, mbox=mbox)


@main.command()
@click.argument(
    "name",
    type=click.Choice(
        ["send", "track", "import", "start", "dkim", "crash", "pacing", "webhooks", "incoming", "launch"]
    ),
)
@click.option("--messages", type=int, help="How many, where the benchmark counts messages.")
@click.option("--kills", type=int, help="crash: how often something is killed.")
@JSON
def bench(name: str, as_json: bool, **given: int | None) -> None:
    """Measure against a reference in the same run; the last line is one JSON object. Exit code 1: a promise broken."""
    module = importlib.import_module(f"benchmarks.{ {'import': 'importing'}.get(name, name) }")
    options = {option: value for option, value in given.items() if value}
    result = module.run(**options)
    if not as_json:
        for key, value in result.items():
            click.echo(f"{key:>32}  {value}")
    click.echo(json.dumps(result))
    sys.exit(0 if result.get("ok", True) else 1)


@main.command()
@click.option("--truth", type=GivenPath(), help="File that takes down what really happened.")
@click.option("--seed", default=1, show_default=True)
@click.option("--time-scale", default=1.0, show_default=True, help="Real seconds per simulated second.")
@click.option("--market", default="us", show_default=True)
@click.option("--scenario", default="middle", type=click.Choice(["low", "middle", "high"]), show_default=True)
@click.option("--hours", "horizon_hours", default=168.0, show_default=True, help="What would come later never does.")
@click.option("--quiet", is_flag=True, help="Only catch mail: take everything, act on nothing.")
@click.option("--fresh-list", is_flag=True, help="Never mailed before: more dead addresses.")
@click.option("--forwarded", is_flag=True, help="Send made-up X-Forwarded-For addresses.")
def simulator(truth: Path | None, **options: Any) -> None:
    """A world of inboxes to send to, or, with --quiet, the mail catcher."""
    from app.simulator.config import WorldConfig
    from app.simulator.world import run

    settings = installation()
    run(
        WorldConfig(
            smtp_listen=settings.catcher_listen,
            page_listen=settings.catcher_page,
            bounce_smtp=settings.bounce_listen,
            site=settings.base_url,
            truth_path=truth,
            **options,
        )
    )


def say(result: dict[str, Any], as_json: bool, text: str) -> None:
    """A result for a program or for a person."""
    click.echo(json.dumps(result) if as_json else text)


if __name__ == "__main__":
    main(prog_name="merpati")
