"""Times for people: in the workspace's zone, with the zone named."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask, g
from flask_babel import format_datetime
from markupsafe import Markup, escape


def configure_times(app: Flask) -> None:
    """Give templates the filters `when` (date, time and zone, UTC on hover) and `clock` (short, for axes)."""
    app.add_template_filter(when)
    app.add_template_filter(clock)


def zone() -> ZoneInfo:
    """The zone of the workspace in the address, UTC elsewhere."""
    workspace = g.get("workspace")
    return ZoneInfo(workspace.timezone if workspace else "UTC")


def when(moment: datetime | None) -> Markup:
    """A moment as people read it; a dash for none."""
    if moment is None:
        return Markup("–")
    local = moment.astimezone(zone())
    shown = format_datetime(local, "d MMM y, HH:mm", rebase=False)
    name = local.tzname() or ""
    return Markup('<time datetime="{}" title="{}">{} <span class="soft">{}</span></time>').format(
        escape(moment.isoformat()), escape(f"{moment:%Y-%m-%d %H:%M:%S} UTC"), escape(shown), escape(name)
    )


def clock(moment: datetime) -> str:
    """Hour, minute and, where there are any, seconds in the workspace's zone."""
    local = moment.astimezone(zone())
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
