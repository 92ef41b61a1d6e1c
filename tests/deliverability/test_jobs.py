"""The jobs of the watch, as a worker runs them."""

from sqlalchemy import func, select, update

from app.accounts.models import Workspace
from app.campaigns.models import Campaign
from app.core.database import db, every_workspace
from app.deliverability.models import WatchHour
from app.deliverability.watch.rollup import recount_all
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


def test_what_a_former_release_counted_is_counted_anew_without_a_command(scope: Workspace) -> None:
    write(a_campaign(), [Letter(attempts=[(24 * 20, "sent", 250, "")])])
    db.session.commit()
    with every_workspace():
        recount_all()
        mine = update(WatchHour).where(WatchHour.workspace_id == scope.id)
        db.session.execute(mine.values(own=None, late=None, sent=99))
        db.session.commit()
    watch.count_watch()
    db.session.expire_all()
    rows = db.session.execute(select(WatchHour.sent, WatchHour.own).where(WatchHour.workspace_id == scope.id)).all()
    assert rows == [(1, 0)]
