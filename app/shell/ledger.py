"""`merpati campaign ledger|retry|settle|correct`: the ledger of a campaign, looked at and acted upon."""

import sys
from getpass import getuser
from typing import Any

import click

from app.core.errors import Invalid
from app.messages.lifecycle import State
from app.shell.campaigns import JSON, WORKSPACE, out, within

REASONS = click.option("--reason", "reasons", multiple=True, help="Like failed:expired, or failed; else all that may.")


@click.command()
@click.argument("campaign_id", type=int)
@click.option("--state", type=click.Choice([str(state) for state in State]), default=None)
@click.option("--reason", default="", help="One word, as `status` shows it.")
@click.option("--search", default="", help="Part of the address.")
@click.option("--csv", "as_csv", is_flag=True, help="All of them, as CSV.")
@click.option("--after", default=0, help="The last number of the page before.")
@WORKSPACE
@JSON
def ledger(campaign_id: int, workspace: str, as_json: bool, as_csv: bool, after: int, **wanted: Any) -> None:
    """The people of a campaign, one by one: 50, or all as CSV."""
    asked: dict[str, Any] = {name: value or "" for name, value in wanted.items()}

    def run() -> list[dict[str, Any]]:
        from app.campaigns.lifecycle import find_campaign
        from app.reporting.people import people, people_csv

        campaign = find_campaign(campaign_id)
        if not as_csv:
            return people(campaign.id, **asked, after=after)
        for piece in people_csv(campaign.id, campaign.workspace_id, **asked):
            sys.stdout.buffer.write(piece)
        return []

    rows = within(run, workspace)
    if not as_csv:
        lines = [f"{row['id']:>9}  {row['state']:<9} {row['reason']:<14} {row['address']}" for row in rows]
        out(rows, as_json, "\n".join(lines) or "Nobody fits.")


@click.command()
@click.argument("campaign_id", type=int)
@REASONS
@click.option("--dry-run", is_flag=True, help="Only count.")
@WORKSPACE
@JSON
def retry(campaign_id: int, reasons: tuple[str, ...], dry_run: bool, workspace: str, as_json: bool) -> None:
    """Try exactly the failed again; never dead addresses, nor people who left."""

    def run() -> dict[str, Any]:
        from app.campaigns.second_try import count_second_try, picks_of, try_again
        from app.core.database import db

        picks = picks_of(campaign_id, reasons)
        if dry_run:
            found = count_second_try(campaign_id, picks)
        else:
            found = try_again(campaign_id, picks, by=_whoever())
            db.session.commit()
            _set_going(campaign_id)
        return {"tried": found.tried, "left_out": dict(found.left_out)}

    _tell(within(run, workspace), as_json, "would be tried again" if dry_run else "are tried again")


@click.command()
@click.argument("campaign_id", type=int)
@click.option("--as", "choice", type=click.Choice(["sent", "again"]), required=True)
@click.option("--message", "messages", type=int, multiple=True, help="Number of a message; else all in doubt.")
@click.option("--knowing", is_flag=True, help="Some may get it twice; needed with --as again.")
@WORKSPACE
@JSON
def settle(
    campaign_id: int, choice: str, messages: tuple[int, ...], knowing: bool, workspace: str, as_json: bool
) -> None:
    """Decide about messages in doubt: take them as sent, or send them again."""
    if choice == "again" and not knowing:
        raise Invalid("Some may get it twice. Say --knowing if you accept that. Nothing was changed.")

    def run() -> dict[str, Any]:
        from app.campaigns import settle as settling
        from app.core.database import db

        ids = list(messages) or None
        if choice == "sent":
            done = {"tried": settling.take_as_sent(campaign_id, by=_whoever(), ids=ids), "left_out": {}}
        else:
            found = settling.send_again(campaign_id, by=_whoever(), ids=ids)
            done = {"tried": found.tried, "left_out": dict(found.left_out)}
        db.session.commit()
        _set_going(campaign_id)
        return done

    _tell(within(run, workspace), as_json, "count as sent" if choice == "sent" else "are sent again")


@click.command()
@click.argument("campaign_id", type=int)
@WORKSPACE
@JSON
def correct(campaign_id: int, workspace: str, as_json: bool) -> None:
    """Draft a corrected version for those who got nothing yet."""

    def run() -> int:
        from app.campaigns.corrected import make_corrected
        from app.core.database import db

        draft = make_corrected(campaign_id)
        db.session.commit()
        return draft.id

    number = within(run, workspace)
    out({"id": number}, as_json, f"Draft {number}. When it is launched, the rest of {campaign_id} is cancelled.")


def _tell(done: dict[str, Any], as_json: bool, verb: str) -> None:
    left = [f"{number:,} left out: {reason}" for reason, number in sorted(done["left_out"].items())]
    out(done, as_json, "\n".join([f"{done['tried']:,} {verb}.", *left]))


def _set_going(campaign_id: int) -> None:
    from app.campaigns.lifecycle import find_campaign
    from app.sending.lanes import start_lanes

    if find_campaign(campaign_id, fresh=True).state == "sending":
        start_lanes(campaign_id)


def _whoever() -> str:
    return f"{getuser()}, from the shell"


commands = [ledger, retry, settle, correct]
