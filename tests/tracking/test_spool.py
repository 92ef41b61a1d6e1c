"""Hits while the queue is away: kept on disk, moved when it is back, none lost and none torn."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from app.runtime.binaries import find_valkey
from app.tracking.hits import STREAM, Hit, Recorder, decode, encode
from app.tracking.spool import Spool
from tests.factories.messages import Sent
from tests.tracking.conftest import Stream


@contextmanager
def valkey(folder: Path) -> Iterator[Redis]:
    """A Valkey of one's own, at `folder/valkey.sock`."""
    socket = folder / "valkey.sock"
    flags = ["--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", ""]
    server = subprocess.Popen([str(find_valkey().path), *flags], stdout=subprocess.DEVNULL)
    try:
        wait_until(socket.exists)
        with Redis.from_url(f"unix://{socket}") as redis:
            yield redis
    finally:
        server.kill()
        server.wait()


def wait_until(is_so: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.slow
def test_what_waited_moves_on_by_itself(
    visitor: FlaskClient, sent: Sent, without_queue: Recorder, spool_folder: Path, tmp_path: Path
) -> None:
    for _ in range(3):
        visitor.get(sent.click_path())
    assert list(spool_folder.glob("*.hits"))

    with valkey(tmp_path) as redis:
        wait_until(lambda: redis.xlen(STREAM) == 3)
        visitor.get(sent.click_path())
        wait_until(lambda: redis.xlen(STREAM) == 4)
        hits = [decode(fields[b"h"]) for _id, fields in redis.xrange(STREAM)]

    assert {hit.message_id for hit in hits if hit} == {sent.message.id}
    assert len({hit.id for hit in hits if hit}) == 4
    assert list(spool_folder.iterdir()) == []


KILLED = """
import sys, time
from pathlib import Path
from app.tracking.hits import STREAM, Hit, Recorder
from app.tracking.spool import Spool

recorder = Recorder(f"unix://{sys.argv[1]}/nobody.sock", Spool(Path(sys.argv[1]) / "spool", STREAM))
for _ in range(100):
    recorder.record(Hit("clicked", int(sys.argv[2]), link_id=int(sys.argv[3]), agent="Nest/1.0"))
print("written", flush=True)
time.sleep(60)
"""


def test_what_a_killed_process_left_is_taken_in(sent: Sent, stream: Stream, tmp_path: Path) -> None:
    link = sent.links[0].id
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), str(sent.message.id), str(link)], stdout=subprocess.PIPE
    )
    spool = Spool(tmp_path / "spool", STREAM)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        assert spool.has_leftovers()
        assert spool.drain(stream.redis) == 0, "a living process moves its file itself"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()

    assert spool.drain(stream.redis) == 100
    assert not spool.has_leftovers()
    stream.take_in()
    assert len(sent.events("clicked")) == 100


def test_a_torn_last_line_costs_only_itself(sent: Sent, stream: Stream, spool_folder: Path) -> None:
    spool_folder.mkdir()
    whole = encode(Hit("opened", sent.message.id, agent="Nest/1.0"))
    (spool_folder / "left.hits").write_bytes(whole + b"\n" + whole[:25])
    assert Spool(spool_folder, STREAM).drain(stream.redis) == 2
    stream.take_in()
    assert len(sent.events("opened")) == 1


TEXTS = st.text(max_size=40)
HITS = st.builds(
    Hit,
    kind=st.sampled_from(["opened", "clicked", "unsubscribed"]),
    message_id=st.integers(1, 2**48 - 1),
    link_id=st.integers(0, 2**48 - 1),
    url=TEXTS,
    agent=TEXTS,
    hints=st.dictionaries(TEXTS, TEXTS.filter(bool), max_size=3),
)


@given(hits=st.lists(HITS, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_written_comes_onto_the_stream(
    stream: Stream, tmp_path_factory: pytest.TempPathFactory, hits: list[Hit], cuts: list[int]
) -> None:
    stream.redis.delete(STREAM)
    spool = Spool(tmp_path_factory.mktemp("spool"), STREAM)
    moved = 0
    for number, hit in enumerate(hits):
        if number in cuts:
            moved += spool.drain(stream.redis)
        spool.write(encode(hit))
    moved += spool.drain(stream.redis)
    assert moved == len(hits)
    assert stream.hits() == hits
    assert spool.drain(stream.redis) == 0


def test_many_writers_and_drainers_lose_nothing(stream: Stream, spool_folder: Path) -> None:
    spools = [Spool(spool_folder, STREAM) for _ in range(4)]
    over = threading.Event()

    def drain() -> None:
        while not over.is_set():
            Spool(spool_folder, STREAM).drain(stream.redis)

    def write(spool: Spool) -> None:
        for number in range(200):
            spool.write(encode(Hit("opened", number + 1)))
            if number % 7 == 0:
                spool.drain(stream.redis)

    drainers = [threading.Thread(target=drain) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(spool,)) for spool in spools]
    for thread in (*drainers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    for thread in drainers:
        thread.join()
    for spool in spools:
        spool.drain(stream.redis)
    assert len({hit.id for hit in stream.hits()}) == 800
