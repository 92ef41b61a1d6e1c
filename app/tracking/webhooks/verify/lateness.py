"""How late a signed call may be, where a provider that could not reach us tries again for hours.

Whether each try is signed anew is told by Svix only. Where it is not, a window of minutes would turn away every retry,
and what it reported would never be heard of. A repeat is known by its event, so a long window repeats nothing.
"""

from app.tracking.webhooks.calls import PATIENCE, Call, Refused


def check_lateness(call: Call, seconds: float, latest: float) -> None:
    """Raise Refused when a signed Unix time is more than `latest` seconds ago, or ahead of ours by minutes."""
    late = call.at.timestamp() - seconds
    if not -PATIENCE <= late <= latest:
        raise Refused(
            f"The signed time is more than {latest // 3600:.0f} hours ago, or ahead of ours. Nothing was stored."
        )
