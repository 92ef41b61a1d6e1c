"""Runs whose owner is gone, told by what it left behind."""

from pathlib import Path

from app.accounts.models import Workspace
from app.core.settings import Settings
from app.messages.lifecycle import State
from app.sending import journal
from app.sending.journal import Journal
from app.sending.recovery import Recovered, recover_runs
from app.sending.verdicts import Outcome
from tests.sending import world


def dead_run(campaign: int, path: Path) -> list[int]:
    """An open run that holds the first four messages; their numbers."""
    world.change(
        "INSERT INTO runs (workspace_id, campaign_id, host, pid, journal) "
        "SELECT workspace_id, id, 'nest', 1, :path FROM campaigns WHERE id = :c",
        c=campaign,
        path=str(path),
    )
    world.change(
        "UPDATE messages SET state = 'sending', attempts = 1, "
        "run_id = (SELECT max(id) FROM runs WHERE campaign_id = :c) "
        "WHERE id IN (SELECT id FROM messages WHERE campaign_id = :c ORDER BY id LIMIT 4)",
        c=campaign,
    )
    return [
        row.id for row in world.look("SELECT id FROM messages WHERE campaign_id = :c ORDER BY id LIMIT 4", campaign)
    ]


def by_number(campaign: int) -> list[str]:
    return [row.state for row in world.look("SELECT state FROM messages WHERE campaign_id = :c ORDER BY id", campaign)]


def write_journal(path: Path, numbers: list[int]) -> None:
    """The first was taken, the second refused, the third handed over, the fourth never begun."""
    book = Journal(path, "mail.example.com:25")
    book.write([journal.handed(number) for number in numbers[:3]])
    book.write([journal.sent(numbers[0], 1.7e9, 250, b"2.0.0 Ok")])
    book.write([journal.answered(Outcome(numbers[1], 1.7e9, State.BOUNCED, 550, "5.1.1", "userunknown", "No", True))])
    book.close(remove=False)


def test_a_journal_tells_each_message_apart(workspace: Workspace, settings: Settings) -> None:
    campaign = world.plan_campaign(workspace, 5)
    path = settings.root / "journals" / f"{campaign}-dead"
    write_journal(path, dead_run(campaign, path))
    assert recover_runs() == Recovered(1, 1, 1)
    assert by_number(campaign) == ["sent", "bounced", "uncertain", "planned", "planned"]
    assert not path.exists()
    [run] = world.runs(campaign)
    assert run.outcome == "recovered"
    assert [(row.outcome, row.transport) for row in world.attempts(campaign) if row.code] == [
        ("sent", "mail.example.com:25"),
        ("bounced", "mail.example.com:25"),
    ]
    assert recover_runs() == Recovered()


def test_after_a_crash_of_the_machine_what_is_not_answered_is_in_doubt(
    workspace: Workspace, settings: Settings
) -> None:
    campaign = world.plan_campaign(workspace, 5)
    path = settings.root / "journals" / f"{campaign}-rebooted"
    write_journal(path, dead_run(campaign, path))
    data = bytearray(path.read_bytes())
    data[len(journal.MAGIC) + 3] ^= 1  # another boot's name
    path.write_bytes(data)
    recover_runs()
    assert by_number(campaign) == ["sent", "bounced", "uncertain", "uncertain", "planned"]


def test_a_run_elsewhere_is_given_up_only_after_its_lease(workspace: Workspace, settings: Settings) -> None:
    campaign = world.plan_campaign(workspace, 5)
    dead_run(campaign, Path("/somewhere/else"))
    assert recover_runs() == Recovered()
    world.change(
        "UPDATE runs SET seen_at = now() - make_interval(secs => :s) WHERE campaign_id = :c",
        c=campaign,
        s=settings.lease + 1,
    )
    assert recover_runs() == Recovered(1, 4, 0)
    assert by_number(campaign) == ["uncertain"] * 4 + ["planned"]
    assert world.runs(campaign)[0].outcome == "lost"


def test_outcomes_that_reached_the_database_are_not_written_again(workspace: Workspace, settings: Settings) -> None:
    campaign = world.plan_campaign(workspace, 5)
    path = settings.root / "journals" / f"{campaign}-late"
    numbers = dead_run(campaign, path)
    write_journal(path, numbers)
    world.change("UPDATE messages SET state = 'sent', sent_at = now() WHERE id = :n", n=numbers[0])
    recover_runs()
    assert [row.message_id for row in world.attempts(campaign)].count(numbers[0]) == 0


def test_a_retried_message_keeps_its_place_in_the_schedule(workspace: Workspace, settings: Settings) -> None:
    campaign = world.plan_campaign(workspace, 5)
    path = settings.root / "journals" / f"{campaign}-retry"
    numbers = dead_run(campaign, path)
    Journal(path, "x").close(remove=False)
    world.change("UPDATE messages SET attempts = 3, next_attempt_at = now() WHERE id = :n", n=numbers[3])
    recover_runs()
    [row] = world.look("SELECT * FROM messages WHERE campaign_id = :c AND id = :n", campaign, n=numbers[3])
    assert (row.state, row.attempts) == ("deferred", 2)
    assert row.next_attempt_at is not None


def test_what_is_no_file_is_no_journal(workspace: Workspace, settings: Settings) -> None:
    campaign = world.plan_campaign(workspace, 5)
    dead_run(campaign, settings.root / "journals")
    assert recover_runs() == Recovered()
    assert by_number(campaign).count("sending") == 4, "left to the lease"
    world.change("UPDATE runs SET ended_at = now() WHERE campaign_id = :c", c=campaign)
