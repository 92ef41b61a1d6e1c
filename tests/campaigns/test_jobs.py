"""The jobs: from the queue to the ledger, and once more."""

from flask import Flask
from sqlalchemy import func, select, update

from app.campaigns import control
from app.campaigns.launch import launch, prepare
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.campaigns.models import Campaign
from app.core.database import db
from app.core.extensions import queue
from app.messages.models import Message
from workers.campaigns import check_ledger, launch_campaign


def waiting(name: str) -> list[str]:
    """The ids of jobs that wait on a queue."""
    return [job.decode() for job in queue().lrange(f"rq:queue:{name}", 0, -1)]


def test_a_launched_campaign_is_frozen_by_its_job_and_gets_its_lanes(app: Flask, digest: Campaign) -> None:
    launch(digest.id, by=None)
    db.session.commit()
    prepare([digest.id])
    prepare([digest.id])
    assert sum(job.startswith(f"launch-{digest.id}--") for job in waiting("default")) == 1
    for _time in range(2):
        launch_campaign(digest.id)
        assert find_campaign(digest.id, fresh=True).state == CampaignState.SENDING
        assert db.session.scalar(select(func.count()).where(Message.campaign_id == digest.id)) == 12
    assert any(job.startswith(f"send-{digest.id}-") for job in waiting("sending"))


def test_a_job_for_a_campaign_that_is_gone_does_nothing(app: Flask, context: None) -> None:
    launch_campaign(2**40)


def test_the_ledger_job_finishes_what_nobody_finished(app: Flask, digest: Campaign) -> None:
    launch(digest.id, by=None)
    db.session.commit()
    launch_campaign(digest.id)
    db.session.execute(update(Message).where(Message.campaign_id == digest.id).values(state="sent"))
    db.session.commit()
    check_ledger()
    assert find_campaign(digest.id, fresh=True).state == CampaignState.FINISHED
    assert not control.finish_if_done(digest.id)
