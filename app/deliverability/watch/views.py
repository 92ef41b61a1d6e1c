"""Deliverability: what mailbox providers do with our mail, against its own past."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast, get_args

from flask import g, render_template, request
from sqlalchemy import or_, select

from app.accounts.access import member
from app.accounts.models import Role
from app.core import clock
from app.core.database import db
from app.deliverability.dmarc.sources import DomainReports, reported_in_all
from app.deliverability.guard import resting as _resting  # noqa: F401 - what the pages of incidents ask of this room
from app.deliverability.guard.rule import Lines, judge
from app.deliverability.outside import views as _outside_views  # noqa: F401 - its routes belong to this room
from app.deliverability.outside.store import latest_figures
from app.deliverability.watch.figures import BUCKETS, By, Line, course, lines_by, span_of, total, with_course
from app.deliverability.watch.findings import SLOWER, findings, shares, wait
from app.deliverability.watch.names import called
from app.deliverability.watch.open_now import find_open_now
from app.deliverability.watch.room import bp
from app.statistics.change import LEAST_TRIALS
from app.tracking.models import Incident

MOST, ALWAYS = 30, 10
"""Lines with a row of their own, and those that have one however small; what is pointed out always has one."""
FEW = 25
"""Attempts, of which no rate says anything: such lines stand together in one row."""
OURS = ("complaints", "change")
"""Kinds of incident that this room writes."""


@bp.get("")
@member(Role.VIEWER)
def index() -> Any:
    """Rates by provider, domain, transport or campaign; `?by=`, `?days=`, and one of each to narrow it to."""
    by, days, where = _asked()
    span = span_of(days)
    lines = lines_by(by, span, where)
    now, before = total(lines)
    if by == "campaign":
        # A campaign has no past of its own; it is set against all those of the period before.
        lines = [replace(line, before=before) for line in lines if line.now.tried]
    pointed = {finding.line.key for finding in findings(lines, by, days=days)}
    apart = [line for number, line in enumerate(lines) if _stands_apart(number, line) or line.key in pointed]
    rest = _together([line for line in lines if line not in apart])
    shown = with_course(apart if rest else lines, by, span, where)
    return render_template(
        "deliverability/index.html",
        by=by,
        days=days,
        where={name: called(name, [value]).get(value) or value for name, value in where.items()},
        asked=where,
        span=span,
        total=now,
        before=before,
        least=LEAST_TRIALS,
        total_shares=shares(now, before, days=days),
        rows=[_row(line, days) for line in shown],
        rest=_row(rest, days) if rest else None,
        left_out=len(lines) - len(shown),
        findings=findings(shown, by, days=days),
        slower=SLOWER,
        open_now=find_open_now(),
        incidents=_incidents(),
        course=course(span, where),
        outside=latest_figures(span.start.date()),
        reported=_reported(by, days),
    )


def _reported(by: By, days: int) -> list[DomainReports]:
    """What receivers report by DMARC: of a whole day each, and a day late."""
    return reported_in_all(max(days, 7)) if by in ("provider", "domain") else []


def _asked() -> tuple[By, int, dict[str, str]]:
    by, days = request.args.get("by", ""), request.args.get("days", 7, int)
    where = {name: request.args[name].replace("\0", "")[:200] for name in get_args(By) if request.args.get(name)}
    return cast(By, by if by in get_args(By) else "provider"), days if days in BUCKETS else 7, where


def _stands_apart(number: int, line: Line) -> bool:
    return number < ALWAYS or (number < MOST and max(line.now.tried, line.before.tried) >= FEW)


def _together(lines: list[Line]) -> Line | None:
    """One line for those that have no row of their own, if there are two or more."""
    return Line("", "", *total(lines)) if len(lines) > 1 else None


def _row(line: Line, days: int) -> tuple[Any, ...]:
    return line, shares(line.now, line.before, days=days), wait(line), _line_passed(line)


def _line_passed(line: Line) -> float | None:
    """The line of the complaint guard that the complaints of this period are beyond, whatever they were before."""
    lines = Lines(g.workspace.complaint_warn, g.workspace.complaint_pause)
    verdict = judge(line.now.complained, line.now.heard, lines, is_part=True)
    return {"pause": lines.pause, "warn": lines.warn}.get(verdict)


def _incidents() -> list[Incident]:
    """Open ones, and those that ended within a day."""
    recent = or_(Incident.ended_at.is_(None), Incident.ended_at > clock.now() - timedelta(days=1))
    query = select(Incident).where(Incident.kind.in_(OURS), recent)
    return list(db.session.scalars(query.order_by(Incident.ended_at.is_not(None), Incident.id.desc()).limit(20)))
