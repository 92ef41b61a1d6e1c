"""`python -m app.demo.blocked`: a blocklist incident, played for real.

In the middle of a campaign one big provider begins to refuse the sender in the words of a blocklist: first by letters
that come back after the mail was taken, then at its door as well. Elsewhere there are addresses that are really dead.
When the block is lifted, what was kept goes out. At the end the world says who was alive, who got the mail, how often.
"""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from app.core.settings import Settings
from app.demo.blocked_facts import (
    Lane,
    Outcome,
    PlayCheck,
    count_incidents,
    count_told,
    lane_of,
    left_open,
    outcome_of,
    returned,
    try_returned_again,
    unbegun,
)
from app.demo.run import PATIENCE, Demo, demo_settings, stop_on_signal
from app.demo.world import changeable_world_process
from app.runtime.process import Process
from app.shell.paths import GivenPath
from app.simulator.providers import PROVIDERS
from app.simulator.weather import change_weather

BLOCKED = "yahoo"
"""Who refuses: the second largest of the market, with two domains behind the same servers."""
AT_THE_DOOR = 0.4
"""The share of its people refused in the SMTP dialogue at last; all others are taken and come back."""
BEGIN_AT = 0.3
"""The share of all people who are done with when the block begins; a tenth is held out from the start."""
BY_LETTER = 0.05
"""The share of all people whose mail comes back before the door is closed as well."""
MAIL_SERVERS = {
    "gmail.example.com": "gmail-smtp-in.l.google.com",
    "yahoo.example.com": "mta7.am0.yahoodns.net",
    "aol.example.com": "mx-aol.mail.gm0.yahoodns.net",
    "outlook.example.com": "outlook-com.olc.protection.outlook.com",
    "hotmail.example.com": "hotmail-com.olc.protection.outlook.com",
    "icloud.example.com": "mx01.mail.icloud.com",
    "comcast.example.com": "mx1.comcast.net",
}
"""Who stands behind the simulated domains: names only, nobody is connected to but the simulated world."""
RETRIES = (0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.19, 0.4)
"""When a message is tried again, as parts of the time after which it is given up."""


class BlockedPlay(Demo):
    """One run of the play.

    `pace` shortens the rests of a lane, `retries` are the seconds until a message is given up, `slowness` those that
    every server takes for its answer: with few people the play would be over before it begins.
    """

    def __init__(self, *, pace: float, retries: float, slowness: float, hold: int, **more: Any) -> None:
        self.pace, self.retries, self.slowness, self.hold = pace, retries, slowness, hold
        self.lanes: list[Lane] = []
        self.outcome: Outcome | None = None
        self.play_checks: list[PlayCheck] = []
        super().__init__(**more)

    def settings_for(self, home: Path | None, seconds: float) -> Settings:
        """The demo's settings, with short rests and mail servers that are told apart."""
        table = (home or Path.cwd() / "var" / "blocked").resolve() / "mail-servers.txt"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text("".join(f"{domain} {host}\n" for domain, host in MAIL_SERVERS.items()))
        self.moods = table.with_name("moods.json")
        self._let_it_be()
        return demo_settings(
            table.parent,
            seconds,
            MERPATI_MX_MAP=str(table),
            MERPATI_PACE_SCALE=str(self.pace),
            MERPATI_RETRY_MINUTES=",".join(f"{part * self.retries / 60:.5f}" for part in RETRIES),
        )

    def world_process(self) -> Process:
        """A world that changes its mind when the play says so."""
        return changeable_world_process(
            self.settings, seed=self.seed, seconds=self.seconds, truth=self.truth, moods=self.moods
        )

    def main_job(self) -> bool:
        """The play. True when nobody was lost, and everybody alive has the mail once."""
        from app.factory import create_app

        with create_app(self.settings, web=False).app_context():
            from app.demo.story import Story

            story = Story(self.settings, people=self.people, seed=self.seed)
            if self.stays:
                self.say(f"To look on, sign in, once, with: {story.sign_in_link()}")
            self.bring_in(story)
            story.hold(self.hold)
            story.launch()
            self._until("The campaign is under way", lambda: story.concluded() >= BEGIN_AT * self.people)
            self._block(story)
            self._lift(story)
            self.outcome = outcome_of(story, BLOCKED, self.truth, self.lanes)
            self.play_checks = self.outcome.checks()
            self.link = story.sign_in_link()
            self._show_play(story)
        return all(check.ok for check in self.play_checks)

    def result(self) -> dict[str, Any]:
        """What a program reads."""
        assert self.outcome is not None
        return {
            "ok": all(check.ok for check in self.play_checks),
            **self.outcome.figures(),
            "checks": [{"what": check.what, "found": check.found, "ok": check.ok} for check in self.play_checks],
        }

    def _block(self, story: Any) -> None:
        self.say(f"{BLOCKED} begins to send our mail back: a blocklist names us.")
        self._let_it_be(blocklist_later=1.0)
        self._until("Enough has come back", lambda: self._see_lane() and self._is_enough(story))
        self.say(f"Now {AT_THE_DOOR:.0%} are refused at its door, too.")
        self._let_it_be(blocklist=AT_THE_DOOR, blocklist_later=1.0)
        self._until("Everybody else was written to", lambda: self._see_lane() and not unbegun(story, besides=BLOCKED))
        self._until(
            "The lane of the blocked provider rests", lambda: self._see_lane() and any(lane.held for lane in self.lanes)
        )
        self._until("What was sent back has come in", lambda: self.world.is_done() and story.is_taken_in())
        self._until("An incident tells of it", lambda: count_incidents(story, BLOCKED) > 0)
        self._until("An owner has a mail about it", lambda: count_told(story) > 0)
        self.say(f"  kept for later: {left_open(story):,}; sent back: {returned(story):,}")

    def _lift(self, story: Any) -> None:
        self.say(
            "The block is lifted. What was kept goes by itself; those sent back are tried again, as the page asks."
        )
        self._let_it_be()
        self._until("The kept messages are out", lambda: self._see_lane() and left_open(story) == 0)
        while returned(story):
            self.say(f"  {try_returned_again(story):,} people are tried again.")
            self._until("They are out", lambda: left_open(story) == 0)
        self._until("The campaign is finished", story.is_sent)
        self._until("All answers are in", lambda: self.world.is_done() and story.is_taken_in())

    def _let_it_be(self, **blocked: float) -> None:
        """The weather from now on; without arguments, all are well."""
        moods: dict[str, dict[str, object]] = {name: {"accept_delay": self.slowness} for name in PROVIDERS}
        moods[BLOCKED].update(blocked)
        change_weather(self.moods, moods)

    def _is_enough(self, story: Any) -> bool:
        sent_back = int(self.world.status().get("counts", {}).get("blocked", 0))
        return sent_back >= BY_LETTER * self.people or unbegun(story, only=BLOCKED) < BY_LETTER * self.people

    def _see_lane(self) -> bool:
        lane = lane_of(BLOCKED)
        if lane and (not self.lanes or lane != self.lanes[-1]):
            self.lanes.append(lane)
        return True

    def _until(self, what: str, is_so: Callable[[], bool]) -> None:
        self.wait(is_so, PATIENCE, lambda: None)
        if not is_so():
            what = f"NOT within {PATIENCE} s: {what}"
        self.say(f"{time.monotonic() - self.begin:6.1f} s  {what}.")

    def _show_play(self, story: Any) -> None:
        assert self.outcome is not None
        table = Table(title="A blocklist, and nobody lost", title_justify="left")
        table.add_column("")
        table.add_column("people", justify="right")
        for name, value in self.outcome.figures().items():
            if isinstance(value, int):
                table.add_row(name.replace("_", " "), f"{value:,}")
        self.console.print(table)
        for check in self.play_checks:
            self.say(f"{'holds' if check.ok else 'DOES NOT HOLD':<14} {check.what}: {check.found}")
        if self.stays:
            self.say(f"Report: {story.report_address()}\nSign in, once, with: {self.link}")


@click.command()
@click.option("--people", default=12_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--seconds", default=20, show_default=True, help="Real seconds for the two days that follow the mail.")
@click.option("--pace", default=0.003, show_default=True, help="How much shorter than in real life a lane rests.")
@click.option("--retries", default=64.0, show_default=True, help="Seconds until a message is given up.")
@click.option("--slowness", default=0.0, show_default=True, help="Seconds each server takes for its answer.")
@click.option("--hold", default=4, show_default=True, help="Seconds before the first mail, to look up the domains in.")
@click.option("--home", type=GivenPath(), help="Where this installation keeps its things.")
@click.option("--once", is_flag=True, help="End when the play is over, instead of keeping the site up.")
@click.option("--json", "as_json", is_flag=True)
def main(once: bool, as_json: bool, **given: Any) -> None:
    """Play a blocklist incident; exit code 1 when anybody was lost."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop_on_signal)
    play = BlockedPlay(stays=not once, console=Console(stderr=as_json), **given)
    ok = False
    with play.house_open():
        ok = play.main_job()
        if as_json:
            print(json.dumps(play.result()), flush=True)
        if not once:
            play.stay()
    raise SystemExit(0 if ok else 1)


if __name__ == "__main__":
    main()
