"""The truth file counts messages, not lines."""

from pathlib import Path

from app.simulator.truth import Truth, summarise


def test_a_summary_counts_each_message_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "truth.jsonl"
    truth = Truth(path)
    for to in ("ada@x.test", "bob@x.test", "ada@x.test"):
        truth.tell("accepted", to, message_id=f"<{to}>", status=250)
    truth.tell("deferred", "ada@x.test", sender="b+1@y.test", status=450, reason="greylist")
    truth.tell("deferred", "ada@x.test", sender="b+1@y.test", status=450, reason="greylist")
    truth.tell("rejected", "eve@x.test", sender="b+2@y.test", status=550, reason="unknown")
    truth.tell("rejected", "joe@x.test", sender="b+3@y.test", status=550, reason="spam")
    for status in (302, 302, 404):
        truth.tell("click", "ada@x.test", message_id="<1>", status=status)
    truth.tell("click", "ada@x.test", message_id="<1>", status=302, machine=True)
    truth.tell("open", "bob@x.test", message_id="<2>", status=200, machine=True)
    truth.tell("open", "bob@x.test", message_id="<2>", status=200)
    truth.tell("complaint", "bob@x.test", message_id="<2>", status=0, reported=False)
    truth.close()
    found = summarise(path)
    assert (found.accepted, found.duplicates, found.deferred) == (2, 1, 1)
    assert (found.hard_bounced, found.refused) == (1, 1)
    assert (found.human_clickers, found.machine_clickers, found.clickers, found.failed) == (1, 1, 1, 1)
    assert (found.human_openers, found.machine_openers, found.openers) == (1, 1, 1)
    assert (found.complained, found.complaints_reported) == (1, 0)
    only_bob = summarise(path, only=lambda entry: entry["to"] == "bob@x.test")
    assert (only_bob.accepted, only_bob.clickers, only_bob.openers) == (1, 0, 1)


def test_first_is_told_per_kind_and_message(tmp_path: Path) -> None:
    truth = Truth(None)
    assert truth.tell("open", "ada@x.test", message_id="<1>")
    assert not truth.tell("open", "ada@x.test", message_id="<1>")
    assert truth.tell("open", "ada@x.test", message_id="<1>", machine=True)
    assert truth.tell("open", "ada@x.test", message_id="<2>")
    assert truth.counts == {"open": 3, "machine_open": 1}


def test_a_line_still_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    truth = Truth(path)
    truth.tell("accepted", "ada@x.test", message_id="<1>", status=250)
    truth.close()
    with path.open("a") as file:
        file.write('{"kind": "accep')
    assert summarise(path).accepted == 1
