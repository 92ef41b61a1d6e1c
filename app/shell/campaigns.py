"""`merpati campaign …`: campaigns from the shell."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select

from app.core.errors import Invalid, NotFound
from app.shell.context import prepared_app
from app.shell.paths import GivenPath

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
WORKSPACE = click.option("--workspace", default="", help="Slug of the workspace; needed when there are several.")


def within(run: Callable[[], Any], workspace: str) -> Any:
    """What `run` gives, with that workspace in scope."""
    from app.core.database import in_workspace
    from app.shell.people import find_workspace

    with prepared_app(), in_workspace(find_workspace(workspace).id):
        return run()


def out(result: Any, as_json: bool, text: str = "") -> None:
    """Print a result for a program or for a person."""
    click.echo(json.dumps(result, default=str) if as_json else text)


@click.command("list")
@WORKSPACE
@JSON
def list_(workspace: str, as_json: bool) -> None:
    """All campaigns."""

    def run() -> list[dict[str, Any]]:
        from app.campaigns.models import Campaign
        from app.core.database import db

        rows = db.session.scalars(select(Campaign).order_by(Campaign.id))
        return [{"id": row.id, "name": row.name, "state": row.state, "launched_at": row.launched_at} for row in rows]

    rows = within(run, workspace)
    out(rows, as_json, "\n".join(f"{row['id']:>6}  {row['state']:<10} {row['name']}" for row in rows) or "None yet.")


@click.command()
@click.argument("name")
@click.option("--list", "lists", multiple=True, required=True, help="Name of a list to write to.")
@click.option("--exclude", multiple=True, help="Name of a list whose people are left out.")
@click.option("--starter", default="newsletter", show_default=True, help="Starter template, unless --mjml is given.")
@click.option("--mjml", type=GivenPath(exists=True), help="File with the content.")
@click.option("--subject", "subjects", multiple=True, required=True, help="One for a plain campaign, up to four cells.")
@click.option("--share", "shares", multiple=True, type=float, help="Share of each cell; equal when left out.")
@click.option("--hold-out", default=0.0, show_default=True, help="Share of the audience that gets nothing.")
@click.option("--from-name", default=None)
@click.option("--from-email", default=None)
@WORKSPACE
@JSON
def create(workspace: str, as_json: bool, **options: Any) -> None:
    """Create a campaign as a draft."""
    campaign_id = within(lambda: _create(**options), workspace)
    out({"id": campaign_id}, as_json, f"Draft {campaign_id}. Next: merpati campaign launch {campaign_id}")


def _create(
    name: str,
    lists: tuple[str, ...],
    exclude: tuple[str, ...],
    starter: str,
    mjml: Path | None,
    subjects: tuple[str, ...],
    shares: tuple[float, ...],
    hold_out: float,
    from_name: str | None,
    from_email: str | None,
) -> int:
    from app.campaigns.edit import VariantInput, create_campaign, save_audience, save_settings, set_variants
    from app.core.database import db
    from app.rendering.starters import load_starter

    if shares and len(shares) != len(subjects):
        raise Invalid(f"{len(subjects)} subjects and {len(shares)} shares: give one share for each subject, or none.")
    source = mjml.read_text("utf-8") if mjml else load_starter(starter).mjml
    campaign = create_campaign(name, mjml=source, subject=subjects[0])
    sender = {key: value for key, value in {"from_name": from_name, "from_email": from_email}.items() if value}
    if sender:
        campaign = save_settings(campaign.id, campaign.version, **sender)
    campaign = save_audience(
        campaign.id, campaign.version, lists=[_list(one) for one in lists], exclude=[_list(one) for one in exclude]
    )
    wanted = [
        VariantInput(share, subject)
        for share, subject in zip(shares or [1 / len(subjects)] * len(subjects), subjects, strict=True)
    ]
    set_variants(campaign.id, campaign.version, wanted, held_out=hold_out)
    db.session.commit()
    return campaign.id


def _list(name: str) -> int:
    from app.audience.lists import find_list

    found = find_list(name)
    if found is None:
        raise NotFound(f"There is no list {name!r}. `merpati import FILE --list {name!r}` makes one.")
    return found.id


@click.command()
@click.argument("campaign_id", type=int)
@click.option("--to", "email", required=True, help="Address that gets the test mail.")
@click.option("--variant", default=1, show_default=True)
@WORKSPACE
@JSON
def test(campaign_id: int, email: str, variant: int, workspace: str, as_json: bool) -> None:
    """Send a test mail."""

    def run() -> str:
        from app.campaigns.edit import find_variant
        from app.campaigns.lifecycle import find_campaign
        from app.campaigns.testsend import send_test

        campaign = find_campaign(campaign_id)
        return send_test(campaign, find_variant(campaign, variant), email)

    said = within(run, workspace)
    out({"reply": said}, as_json, f"The mail server said: {said}")


@click.command()
@click.argument("campaign_id", type=int)
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]), help="Later, with zone.")
@click.option("--own-zone", metavar="TIME", help="In each person's own zone at this time, such as 2030-05-01T09:00.")
@click.option(
    "--passed",
    type=click.Choice(["next-day", "at-once"]),
    help="With --own-zone: where that time has passed, next-day unless you say otherwise.",
)
@click.option("--spread", default=0, metavar="MINUTES", help="Evenly over so many minutes, 5 to 10080 (7 days).")
@click.option("--wait", is_flag=True, help="Stay until it is finished; says what it waits for.")
@click.option("--yes", is_flag=True, help="Send in spite of what the review finds grave, and to however many people.")
@WORKSPACE
@JSON
def launch(
    campaign_id: int, at: datetime | None, wait: bool, yes: bool, workspace: str, as_json: bool, **layout: Any
) -> None:
    """Send a campaign, now or later. Shows the review's warnings first. Workers must run: `merpati up`."""

    def run() -> dict[str, Any]:
        from app.campaigns import launch as launching
        from app.campaigns.lifecycle import CampaignState
        from app.core.database import db
        from app.shell.reviewing import look_before

        timing = _timing(**layout)
        version = look_before(campaign_id, sure=yes)
        launched = launching.launch(campaign_id, by=None, at=at, timing=timing, version=version)
        db.session.commit()
        if launched.is_new and launched.campaign.state == CampaignState.LAUNCHING:
            launching.prepare([campaign_id])
        return _wait(campaign_id) if wait else _status(campaign_id)

    found = within(run, workspace)
    out(found, as_json, _as_text(found))


def _timing(own_zone: str | None, passed: str | None, spread: int) -> Any:
    from app.campaigns.timing import Timing
    from app.campaigns.zone import read_wall

    if passed and own_zone is None:
        raise Invalid("--passed belongs to --own-zone. Nothing was sent.", field="passed")
    return Timing(read_wall(own_zone) if own_zone is not None else None, passed or "next-day", spread)


def _wait(campaign_id: int) -> dict[str, Any]:
    from app.core.database import db
    from app.shell.following import Follower

    follower = Follower()
    while (found := _status(campaign_id))["state"] in ("scheduled", "launching", "holding", "sending"):
        for line in follower.lines(found, time.monotonic()):
            click.echo(line, err=True)
        db.session.rollback()
        time.sleep(0.5)
    return found


def _status(campaign_id: int) -> dict[str, Any]:
    from app.campaigns.lifecycle import find_campaign
    from app.messages.queries import ledger

    campaign, found = find_campaign(campaign_id, fresh=True), ledger(campaign_id)
    return {
        "id": campaign.id,
        "state": str(campaign.state),
        "waiting_for": campaign.waiting_for,
        "scheduled_at": campaign.scheduled_at,
        "audience": found.audience,
        "considered": campaign.considered,
        "open": found.open,
        "ledger": [{"state": str(row.state), "reason": row.reason, "count": row.count} for row in found.rows],
    }


def _as_text(found: dict[str, Any]) -> str:
    said = found["waiting_for"]
    if found["state"] == "scheduled":
        said = f"begins at {found['scheduled_at'].astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    lines = [f"Campaign {found['id']}: {found['state']}" + (f" ({said})" * bool(said))]
    lines += [f"{row['count']:>12,}  {row['state']} {row['reason']}".rstrip() for row in found["ledger"]]
    lines.append(f"{found['audience']:>12,}  in all")
    if found["considered"] is not None:
        verdict = "adds up" if found["audience"] == found["considered"] else "DOES NOT ADD UP"
        lines[-1] += f", of {found['considered']:,} considered: {verdict}"
    return "\n".join(lines)


@click.command()
@click.argument("campaign_id", type=int)
@WORKSPACE
@JSON
def status(campaign_id: int, workspace: str, as_json: bool) -> None:
    """The ledger of a campaign."""
    found = within(lambda: _status(campaign_id), workspace)
    out(found, as_json, _as_text(found))


@click.command()
@click.argument("campaign_id", type=int)
@WORKSPACE
@JSON
def report(campaign_id: int, workspace: str, as_json: bool) -> None:
    """What came back, human and machine apart."""

    def run() -> dict[str, Any]:
        from app.campaigns.lifecycle import find_campaign
        from app.reporting.report import report as full

        found = full(find_campaign(campaign_id).id)
        cells = [_cell(cell) for cell in (*found.cells, found.total)]
        cells[-1]["name"] = "total"
        return {"held_out": found.held_out, "cells": cells}

    found = within(run, workspace)
    out(found, as_json, _report_text(found))


COUNTS = ("considered", "mailed", "delivered", "bounced", "opened_human", "opened_any", "clicked_human", "clicked_any")
RATES = ("clicked_human", "opened_human", "unsubscribed", "complained")


def _cell(cell: Any) -> dict[str, Any]:
    """A cell's counts, and its rates of delivered messages with 95 % intervals."""
    counts = {name: getattr(cell, name) for name in ("name", *COUNTS, "unsubscribed", "complained")}
    rates = {}
    for name in RATES:
        rate = cell.rate(getattr(cell, name))
        found = rate.interval
        known = (round(found.estimate, 6), round(found.low, 6), round(found.high, 6)) if rate.of else (None,) * 3
        rates[name] = dict(zip(("rate", "low", "high"), known, strict=True))
    return {**counts, "rates": rates}


def _report_text(found: dict[str, Any]) -> str:
    lines = [f"held out: {found['held_out']:,}"]
    for cell in found["cells"]:
        lines.append(
            f"{cell['name']}: {cell['mailed']:,} sent, {cell['delivered']:,} delivered, {cell['bounced']:,} sent back"
        )
        for name in RATES:
            rate = cell["rates"][name]
            share = "" if rate["rate"] is None else f"{rate['rate']:.2%} ({rate['low']:.2%} to {rate['high']:.2%})"
            lines.append(f"  {name.replace('_', ' by '):<18} {cell[name]:>8,}  {share}")
    return "\n".join(lines)


def _control(verb: str, about: str) -> click.Command:
    @click.command(verb, help=about)
    @click.argument("campaign_id", type=int)
    @WORKSPACE
    @JSON
    def command(campaign_id: int, workspace: str, as_json: bool) -> None:
        def run() -> dict[str, Any]:
            from app.campaigns import control
            from app.campaigns.launch import prepare
            from app.core.database import db
            from app.sending.lanes import start_lanes

            if verb == "pause":
                control.pause(campaign_id, "Paused from the shell.")
            elif verb == "cancel":
                control.cancel(campaign_id)
                db.session.commit()
                control.skip_rest(campaign_id)
            elif verb == "undo":
                control.take_back(campaign_id)
            else:
                campaign = control.resume(campaign_id)
                db.session.commit()
                if campaign.state == "launching":
                    prepare([campaign_id])
                else:
                    start_lanes(campaign_id)
            db.session.commit()
            return _status(campaign_id)

        found = within(run, workspace)
        out(found, as_json, _as_text(found))

    return command


commands = [
    list_,
    create,
    test,
    launch,
    status,
    report,
    _control("pause", "Stop for now."),
    _control("resume", "Go on."),
    _control("undo", "Make it a draft again, while nothing of it has gone out."),
    _control("cancel", "Cancel the rest; what is sent cannot be recalled."),
]
