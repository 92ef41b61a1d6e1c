"""The review of the way out: whether any transport can carry the campaign, and which of them ail."""

from app.campaigns.findings import SETTINGS, Finding
from app.sending.prospects import Prospect, Prospects

TRANSPORTS = "transports.index"


def way_findings(found: Prospects) -> list[Finding]:
    """What stops everything until the settings are changed is an error; what may pass by itself is a warning."""
    place = (SETTINGS, "transport_id") if found.is_chosen else (TRANSPORTS, "")
    if found.problem:
        return [Finding("error", "no-way-out", found.problem, *place)]
    told = [("way-unusable", way.words) for way in found.ways if way.standing == "unusable"]
    if found.carriers:
        told += [("way-failing", _failed(way)) for way in found.carriers if way.is_failing]
    else:
        told.append(("way-waits", _waits(found)))
    return [Finding("warning", code, words, *place) for code, words in told]


def _failed(way: Prospect) -> str:
    words = f": {way.words.rstrip('.')}." if way.words else "."
    return f"The last try of “{way.name}” failed{words} Send a test, or choose another transport."


def _waits(found: Prospects) -> str:
    told = " ".join(f"“{way.name}”: {way.words or _rest(way)}" for way in found.ways if way.standing != "unusable")
    return (
        "Sent now, it would wait: no transport carries mail just now. Nothing is lost, and it goes on by itself. "
        + told
    )


def _rest(way: Prospect) -> str:
    return "it has carried what its limits allow." if way.standing == "at-limit" else "it failed, and is tried again."
