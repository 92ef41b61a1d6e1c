"""Acting on a ledger while a real worker sends it: nobody gets anything twice, nobody is forgotten."""

import threading
from collections import Counter

import pytest
from flask import Flask

from app.accounts.models import Workspace
from app.campaigns import control
from app.campaigns.corrected import make_corrected
from app.campaigns.edit import save_audience
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch
from app.campaigns.second_try import Pick, try_again
from app.core.database import db, in_workspace
from app.core.errors import Conflict
from app.messages.lifecycle import State
from app.sending.engine import run_slice
from tests.factories.campaigns import add_people, make_list, weekly_digest
from tests.sending import world
from tests.sending.servers import Server, Wire, running

PEOPLE, FAILED = 600, 200
PATIENT = {"send_batch": 50, "smtp_timeout": 60.0}
EXPIRED = Pick(State.FAILED, "expired")


class Slow(Server):
    """A server that takes a moment for each sender, so that others come in between."""

    pause = 0.002

    def mail(self, wire: Wire, line: bytes) -> None:
        threading.Event().wait(self.pause)
        super().mail(wire, line)


class Slower(Slow):
    """One that needs several seconds for everybody, on a busy machine as well."""

    pause = 0.06


def with_failed(campaign: int) -> None:
    world.change(
        "UPDATE messages SET state = 'failed', reason = 'expired', attempts = 8 WHERE id IN "
        "(SELECT id FROM messages WHERE campaign_id = :c ORDER BY id LIMIT :n)",
        c=campaign,
        n=FAILED,
    )


def test_a_second_try_while_a_worker_sends(app: Flask, workspace: Workspace) -> None:
    campaign, owner = world.plan_campaign(workspace, PEOPLE), workspace.id
    world.change("UPDATE campaigns SET considered = :n, launched_at = now() WHERE id = :c", c=campaign, n=PEOPLE)
    with_failed(campaign)
    tried: list[int] = []
    begun = threading.Event()

    def worker() -> None:
        with app.app_context():
            begun.set()
            run_slice(campaign)

    def press() -> None:
        begun.wait()
        for _ in range(20):
            with app.app_context(), in_workspace(owner):
                try:
                    tried.append(try_again(campaign, [EXPIRED], by="Eve").tried)
                    db.session.commit()
                except Conflict:
                    db.session.rollback()

    with running(Slow()) as server, world.sending_by(server.url, **PATIENT):
        threads = [threading.Thread(target=target) for target in (worker, worker, press, press, press)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        with app.app_context(), in_workspace(owner):
            while not control.finish_if_done(campaign):
                db.session.commit()
                run_slice(campaign)
            db.session.commit()
        got = server.recipients
    assert tried == [FAILED]
    assert len(got) == PEOPLE
    assert set(got.values()) == {1}
    assert world.states(campaign) == Counter({"sent": PEOPLE})


@pytest.mark.slow
def test_a_corrected_version_launched_while_a_worker_sends(app: Flask, scope: Workspace) -> None:
    owner, doves = scope.id, make_list()
    add_people(doves, PEOPLE)
    first = weekly_digest(doves)
    launch(first.id, by=None)
    freeze(first.id)
    db.session.commit()
    number = first.id
    with running(Slower()) as server, world.sending_by(server.url, **PATIENT):

        def worker() -> None:
            with app.app_context():
                run_slice(number)

        threads = [threading.Thread(target=worker) for _ in range(2)]
        for thread in threads:
            thread.start()
        while len(server.messages) < 60:
            threading.Event().wait(0.01)
        draft = make_corrected(number)
        draft = save_audience(draft.id, draft.version, lists=[doves.id])
        launch(draft.id, by=None)
        db.session.commit()
        corrected = draft.id
        while freeze(corrected) == "launching":
            db.session.commit()
            threading.Event().wait(0.05)
        db.session.commit()
        for thread in threads:
            thread.join(60)
        with app.app_context(), in_workspace(owner):
            while not control.finish_if_done(corrected):
                db.session.commit()
                run_slice(corrected)
            db.session.commit()
        got = server.recipients
    assert len(got) == PEOPLE
    assert set(got.values()) == {1}
    before, after = world.states(number), world.states(corrected)
    assert before["sent"] + after["sent"] == PEOPLE
    assert before["skipped"] == after["sent"]
    assert 60 <= before["sent"] < PEOPLE
