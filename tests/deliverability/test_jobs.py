"""The jobs of the watch, as a worker runs them."""

from sqlalchemy import func, select

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core.database import db
from app.deliverability.models import WatchHour
from tests.factories.histories import Letter, a_campaign, complain, deliver, write
from workers import watch


def test_the_jobs_count_guard_and_watch(scope: Workspace) -> None:
    campaign = a_campaign()
    write(campaign, [Letter(), Letter(provider="orange")])
    complain(deliver(campaign, 1000)[:5], campaign)
    db.session.commit()
    for _ in range(2):
        watch.count_watch()
        watch.watch_changes()
        watch.guard_complaints()
    sent = db.session.scalar(select(func.sum(WatchHour.sent)).where(WatchHour.workspace_id == scope.id))
    assert sent == 2
    db.session.expire_all()
    assert db.session.get_one(Campaign, campaign.id).state == "paused"
