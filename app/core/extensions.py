"""Where code reaches what the factory built: settings, the keyring, the queue's connection."""

from flask import current_app
from redis import Redis

from app.core.jobs import Job, enqueue
from app.core.settings import Settings
from app.core.tokens import Keyring


def settings() -> Settings:
    """The settings of the running application."""
    found: Settings = current_app.extensions["merpati.settings"]
    return found


def keyring() -> Keyring:
    """The keys that sign links."""
    found: Keyring = current_app.extensions["merpati.keyring"]
    return found


def queue() -> Redis:
    """The connection to Redis or Valkey."""
    found: Redis = current_app.extensions["merpati.queue"]
    return found


def enqueue_job(job: Job, *ids: int | str, once_as: str | None = None) -> bool:
    """`jobs.enqueue` on the application's queue. Call it after the commit."""
    return enqueue(queue(), job, *ids, once_as=once_as)
