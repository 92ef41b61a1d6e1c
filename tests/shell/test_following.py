"""`--wait` tells what a campaign waits for whenever that changes, and how far it is."""

from typing import Any

from app.shell.following import EVERY, Follower


def status(state: str, waits: str = "", *, done: int = 0, skipped: int = 2) -> dict[str, Any]:
    rows = [{"state": "skipped", "reason": "unsubscribed", "count": skipped}]
    return {"state": state, "waiting_for": waits, "audience": 100 + skipped, "open": 100 - done, "ledger": rows}


def test_each_new_reason_is_told_once() -> None:
    follower = Follower()
    told = [
        line
        for second, one in enumerate(
            [
                status("launching"),
                status("sending"),
                status("sending"),
                status("sending", "Relay A rests for 120 s."),
                status("sending", "Relay A rests for 120 s."),
                status("sending"),
            ]
        )
        for line in follower.lines(one, float(second))
    ]
    assert told == ["launching …", "sending …", "sending, waits: Relay A rests for 120 s.", "sending …"]


def test_progress_is_told_now_and_then_and_at_the_end() -> None:
    follower = Follower(told=("sending", ""), told_at=0.0)
    assert list(follower.lines(status("sending", done=10), EVERY - 1)) == []
    assert list(follower.lines(status("sending", done=40), EVERY)) == ["40 of 100 settled"]
    assert list(follower.lines(status("sending", done=40), 3 * EVERY)) == []
    assert list(follower.lines(status("sending", done=100), 3 * EVERY)) == ["100 of 100 settled"]
