"""A transactional campaign overtakes bulk from its launch on, and what came too late is said where it happened."""

from collections.abc import Callable

from flask.testing import FlaskClient

from app.campaigns import control
from app.campaigns.freeze import freeze
from app.campaigns.launch import launch, prepare
from app.campaigns.lifecycle import find_campaign
from app.campaigns.models import Campaign
from app.core import clock
from app.core.database import db
from app.core.extensions import queue
from app.messages.models import Run
from app.sending.pacing.buckets import index_key, rest_key
from app.sending.pacing.state import provider_paces, transport_key

Page = Callable[[str], str]


def _waiting(name: str) -> list[str]:
    return [each.decode().partition("--")[0] for each in queue().lrange(f"rq:queue:{name}", 0, -1)]


def test_its_freeze_waits_behind_no_bulk(digest: Campaign) -> None:
    digest.stream = "transactional"
    db.session.commit()
    launch(digest.id, by=None)
    db.session.commit()
    prepare([digest.id])
    assert f"launch-{digest.id}" in _waiting("priority")
    assert f"launch-{digest.id}" not in _waiting("default")


def test_a_bulk_freeze_waits_its_turn(digest: Campaign) -> None:
    launch(digest.id, by=None)
    db.session.commit()
    prepare([digest.id])
    assert f"launch-{digest.id}" in _waiting("default")


def test_what_comes_too_late_is_said_on_the_campaign_s_page(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    launch(digest.id, by=None)
    freeze(digest.id)
    control.cancel(digest.id)
    control.skip_rest(digest.id)
    db.session.commit()
    for action in ("pause", "resume", "cancel", "send-now"):
        late = as_eve.post(page(action))
        assert late.status_code == 409
        assert "Cancelled" in late.text
        assert digest.name in late.text
    assert find_campaign(digest.id).state == "cancelled"


def test_a_cancelled_campaign_is_looked_at_until_nothing_is_open(
    as_eve: FlaskClient, page: Page, digest: Campaign
) -> None:
    launch(digest.id, by=None)
    freeze(digest.id)
    control.cancel(digest.id)
    db.session.commit()
    assert "data-final" not in as_eve.get(page("progress")).text
    control.skip_rest(digest.id)
    db.session.commit()
    assert "data-final" in as_eve.get(page("progress")).text


def test_a_provider_s_rest_is_ended_by_a_click(as_eve: FlaskClient, page: Page, digest: Campaign) -> None:
    launch(digest.id, by=None)
    freeze(digest.id)
    db.session.add(Run(campaign_id=digest.id, host="nest", pid=1, journal="", ended_at=clock.now(), outcome="paced"))
    db.session.commit()
    key, name = index_key(transport_key(None)), f"rests-{digest.id}"
    now = float(queue().time()[0])
    bucket = {"round": 1, "until": now + 3600, "held": 3600, "since": now, "why": "blocked"}
    queue().hset(f"{key}:{name}", mapping={field: str(value) for field, value in bucket.items()})
    queue().sadd(key, name)
    queue().set(rest_key(digest.id), "{}")
    assert as_eve.post(page("try-now"), data={"provider": "nobody"}).status_code == 302
    assert _rests(name)
    answer = as_eve.post(page("try-now"), data={"provider": name}, follow_redirects=True)
    assert "It is tried again now" in answer.text
    assert not _rests(name)
    assert queue().get(rest_key(digest.id)) is None


def _rests(provider: str) -> bool:
    [pace] = [each for each in provider_paces(transport_key(None)) if each.provider == provider]
    return pace.held_until is not None
