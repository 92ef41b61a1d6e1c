"""How late a signed call may be, where a provider that could not reach us tries again for hours.

Whether each try is signed anew is told by Svix only. Where it is not, a window of minutes would turn away every retry,
and what it reported would never be heard of. A repeat is known by its event, so a long window repeats nothing.
"""

from app.tracking.webhooks.calls import PATIENCE, Call, Refused

_HOUR, _DAY = 3600, 24 * 3600


def check_lateness(call: Call, seconds: float, latest: float = PATIENCE) -> None:
    """Raise Refused when a signed Unix time is more than `latest` seconds ago, or ahead of ours by minutes.

    Which clock is wrong is not known here, so the words tell what ours says.
    """
    late = call.at.timestamp() - seconds
    if -PATIENCE <= late <= latest:
        return
    clock = f"our clock ({call.at:%H:%M:%S} UTC)"
    how = f"{_span(-late)} ahead of {clock}" if late < 0 else f"{_span(late)} ago by {clock}, good for {_span(latest)}"
    raise Refused(f"The call was signed {how}. Nothing was stored; sign it anew, or set the clock that is wrong.")


def _span(seconds: float) -> str:
    for length, name in ((_DAY, "days"), (_HOUR, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{seconds:.0f} seconds"
