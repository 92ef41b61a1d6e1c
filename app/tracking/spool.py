"""Hits on this machine's disk while the queue is away.

One file per process, held by a lock, appended in single writes. A thread moves it onto the stream when the queue
answers again; files of processes that died are found by whoever starts next. A hit may come onto the stream twice
after a crash between the two steps; its id makes the second one harmless.
"""

import errno
import fcntl
import os
import threading
from pathlib import Path
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from app.core.logging import log

WAIT = 1.0


class Spool:
    """The spool directory of this machine and this process's file in it."""

    def __init__(self, directory: Path, stream: str) -> None:
        self._directory = directory
        self._stream = stream
        self._lock = threading.Lock()
        self._file: int | None = None
        self._torn = False
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def write(self, line: bytes) -> None:
        """Append a line. Raises OSError when the disk does not take it, or not all of it."""
        with self._lock:
            file = self._open()
            data = (b"\n" if self._torn else b"") + line + b"\n"
            # What a full disk cuts short must not spoil the line that follows.
            self._torn = os.write(file, data) < len(data)
            if self._torn:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def drain_later(self, redis: Redis) -> None:
        """See to it that a thread moves the lines onto the stream once the queue answers."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._drain_until_done, args=(redis,), name="spool", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread, should one wait. What it had not moved stays on the disk for the next process."""
        self._stopped.set()
        if (thread := self._thread) is not None:
            thread.join()

    def has_leftovers(self) -> bool:
        """Whether files wait on this machine."""
        return self._directory.is_dir() and any(self._directory.glob("*.hits"))

    def drain(self, redis: Redis) -> int:
        """Move everything that nobody else holds onto the stream; returns the number of lines. Raises RedisError."""
        self._close()
        return sum(self._move(path, redis) for path in sorted(self._directory.glob("*.hits")))

    def _drain_until_done(self, redis: Redis) -> None:
        while not self._stopped.wait(WAIT):
            try:
                redis.ping()
                moved = self.drain(redis)
            except (RedisError, OSError):
                continue
            log("tracking").info("hits moved from the spool onto the stream", hits=moved)
            with self._lock:
                if self._file is None:
                    self._thread = None
                    return

    def _open(self) -> int:
        if self._file is None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._directory / f"{uuid4().hex}.new"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            # It gets the name that others look for only now: an empty file without a lock would be cleared away.
            path.rename(path.with_suffix(".hits"))
            self._torn = False
        return self._file

    def _close(self) -> None:
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _move(self, path: Path, redis: Redis) -> int:
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return 0  # another process still writes it and moves it itself
        try:
            with os.fdopen(file, "rb", closefd=False) as lines:
                count = 0
                pipe = redis.pipeline(transaction=False)
                for line in lines:
                    pipe.xadd(self._stream, {b"h": line.rstrip(b"\n")})
                    count += 1
                    if count % 1000 == 0:
                        pipe.execute()
                pipe.execute()
            path.unlink(missing_ok=True)
            return count
        finally:
            os.close(file)
