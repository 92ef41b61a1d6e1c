"""Ending a provider's rest by hand."""

import asyncio

import pytest

from app.core.extensions import settings
from app.sending.pacing.buckets import Buckets, Cut, Grant, Want
from app.sending.pacing.state import end_rests, provider_paces, resting

BLOCK = Cut("a.test", "block", 0, 20.0, 4, 10, 900.0, "550 5.7.1 blocked")


def ask(key: str, *cuts: Cut, campaign: int = 0) -> Grant:
    """One exchange of a run, which notes that the campaign rests."""

    async def exchange() -> Grant:
        buckets = Buckets(settings().redis_url, key, "run", 1.0)
        try:
            grants = await buckets.exchange(cuts, {}, {"a.test": Want(5, 0, 0)})
            if campaign:
                await buckets.rest(campaign, 900.0, ["a.test"])
        finally:
            await buckets.close()
        assert grants is not None
        return grants[0]

    return asyncio.run(exchange())


@pytest.mark.usefixtures("workspace")
def test_a_rest_ended_by_hand_lets_one_message_try() -> None:
    assert ask("7", BLOCK, campaign=5).hold > 800
    assert list(resting([5])) == [5]
    assert end_rests(["6", "7"], "a.test", 5)
    assert resting([5]) == {}
    [pace] = provider_paces("7")
    assert (pace.held_until, pace.slots, pace.why) == (None, 1, "550 5.7.1 blocked")
    grant = ask("7")
    assert (grant.hold, grant.slots) == (0.0, 1)
    # Refused once more, it rests again, and not for a shorter time.
    assert ask("7", BLOCK._replace(round=grant.round)).hold > 800


@pytest.mark.usefixtures("workspace")
def test_who_does_not_rest_is_left_alone() -> None:
    ask("7", BLOCK, campaign=5)
    assert not end_rests(["7"], "b.test", 5)
    assert not end_rests(["8"], "a.test", 5)
    assert list(resting([5])) == [5]
    assert provider_paces("8") == []
