"""The rail: what a member of a workspace finds where."""

from typing import Any

from flask import request, url_for
from flask_babel import gettext as _

from app.accounts.access import may
from app.accounts.models import Role


def navigation() -> list[dict[str, Any]]:
    """The entries of the navigation, the current one marked."""
    audience = [
        _entry(_("People"), "people.index", "users"),
        _entry(_("Lists"), "lists.index", "list"),
        _entry(_("Imports"), "imports.index", "upload"),
        _entry(_("Suppressions"), "suppressions.index", "shield-off"),
        _entry(_("Incoming mail"), "incoming.index", "inbox"),
    ]
    return [
        {**_entry(_("Home"), "home.index", "house"), "on_phones": True},
        {**_entry(_("Campaigns"), "campaigns.index", "send"), "on_phones": True},
        {
            "label": _("Audience"),
            "href": audience[0]["href"],
            "icon": "users",
            "active": any(child["active"] for child in audience),
            "children": audience,
            "on_phones": True,
        },
        _entry(_("Templates"), "templates.index", "layout-template"),
        _entry(_("Reports"), "reports.index", "chart-column"),
        _deliverability(),
        _settings(),
    ]


def _settings() -> dict[str, Any]:
    """Its tabs belong to several rooms; what they share is where they lie."""
    entry = _entry(_("Settings"), "settings.index", "settings")
    return {**entry, "active": request.path.startswith(entry["href"])}


def _deliverability() -> dict[str, Any]:
    """With the number of what waits for somebody, and at hand on telephones: it is where bad news stands."""
    entry = _entry(_("Deliverability"), "deliverability.index", "activity")
    entry |= {"counts_open": True, "on_phones": True, "short": _("Delivery")}
    if not may(Role.EDITOR):
        return entry
    overview = {**entry, "label": _("Overview")}
    children = [overview, _entry(_("Incidents"), "incidents.index", "triangle-alert")]
    return {**entry, "active": any(child["active"] for child in children), "children": children}


def _entry(label: str, endpoint: str, icon: str) -> dict[str, Any]:
    room = endpoint.partition(".")[0]
    return {
        "label": label,
        "href": url_for(endpoint),
        "icon": icon,
        "active": (request.endpoint or "").partition(".")[0] == room,
        "children": [],
        "counts_open": False,
        "on_phones": False,
    }
