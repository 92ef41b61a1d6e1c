"""The stream of hits, empty at the start, and an application whose servers are away."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from app.accounts.models import Workspace
from app.core.database import db, every_workspace
from app.factory import create_app
from app.mail.wire import WireMail
from app.sending import outgoing
from app.tracking.hits import STREAM, Hit, Recorder, decode
from app.tracking.intake import take_in_hits
from app.tracking.recording import tools_of
from app.tracking.spool import Spool
from app.web import limiter
from tests.factories.messages import Sent, sent_message


class Stream:
    """What waits to be taken in."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    def hits(self) -> list[Hit]:
        entries = self.redis.xrange(STREAM)
        return [hit for _id, fields in entries if (hit := decode(fields[b"h"])) is not None]

    def put(self, *hits: Hit) -> None:
        from app.tracking.hits import encode

        for hit in hits:
            self.redis.xadd(STREAM, {b"h": encode(hit)})

    def take_in(self) -> int:
        """What the worker's job does."""
        with every_workspace():
            taken = take_in_hits()
        db.session.expire_all()
        return taken


@pytest.fixture
def stream(app: Flask, context: None) -> Iterator[Stream]:
    redis: Redis = app.extensions["merpati.queue"]
    redis.delete(STREAM)
    yield Stream(redis)
    redis.delete(STREAM)


@pytest.fixture
def sent(workspace: Workspace) -> Sent:
    """A message to Ada, an hour ago, with six links."""
    return sent_message(workspace)


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch) -> list[WireMail]:
    """The system's own mails that left."""
    left: list[WireMail] = []

    def catch(_workspace_id: int, mail: WireMail) -> str:
        left.append(mail)
        return "250 OK"

    monkeypatch.setattr(outgoing, "send_mail", catch)
    return left


@pytest.fixture
def spool_folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def without_queue(app: Flask, tmp_path: Path, spool_folder: Path) -> Iterator[Recorder]:
    """Within the test, the web process finds nobody at the queue's socket."""
    recorder = Recorder(f"unix://{tmp_path}/valkey.sock", Spool(spool_folder, STREAM))
    tools = tools_of(app)
    before, tools.recorder = tools.recorder, recorder
    yield recorder
    tools.recorder = before
    recorder._spool.stop()


@pytest.fixture
def app_without_database(app: Flask, tmp_path: Path) -> Iterator[Flask]:
    """The same installation as `app`, from a machine that cannot reach PostgreSQL."""
    settings = app.extensions["merpati.settings"]
    gone = f"postgresql://merpati@/merpati?host={tmp_path}"
    limited = limiter.enabled
    yield create_app(settings.model_copy(update={"database_url": gone}))
    limiter.enabled = limited
