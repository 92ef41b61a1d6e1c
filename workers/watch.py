"""Jobs of the watch on deliverability."""

from app.core.database import db, every_workspace
from app.deliverability.guard.complaints import guard_complaints as guard
from app.deliverability.guard.lanes import hold_lanes
from app.deliverability.watch import changes, rollup
from app.tracking.incidents.telling import tell_owners
from app.tracking.incidents.watch import watch
from workers.runtime import job_context


def count_watch() -> None:
    """The latest hours of the watch, counted anew; then a month that a former release counted, while there is one."""
    with job_context(), every_workspace():
        rollup.recount_lately()
        db.session.commit()
        rollup.recount_former()
        db.session.commit()


def watch_incidents() -> None:
    """Bursts, refusals of us and points of temporary bounces: opened, followed, ended; then lanes that have to rest.

    Last the owners are told, also of what the guard on complaints did meanwhile, and also when a look before failed.
    """
    with job_context():
        try:
            watch()
            with every_workspace():
                hold_lanes()
                db.session.commit()
        finally:
            db.session.rollback()
            tell_owners()


def watch_changes() -> None:
    """The last two days counted anew, then rates far from their past."""
    with job_context(), every_workspace():
        rollup.recount_lately(rollup.LATE)
        db.session.commit()
        changes.watch_changes()
        db.session.commit()


def guard_complaints() -> None:
    """Campaigns under way that people complain about."""
    with job_context(), every_workspace():
        guard()
        db.session.commit()
