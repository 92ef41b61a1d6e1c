"""The main job, step by step, through the same verbs that the pages and the API use."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import func, select

from app.accounts.models import Role, User, Workspace
from app.accounts.setup import add_member, create_user, create_workspace, make_link
from app.audience.imports.start import FileOptions, import_file
from app.campaigns.edit import VariantInput, create_campaign, save_audience, save_settings, set_variants
from app.campaigns.launch import launch, prepare
from app.campaigns.lifecycle import CampaignState, find_campaign
from app.core.database import db, in_workspace
from app.core.errors import Unavailable
from app.core.extensions import enqueue_job
from app.core.jobs import Job
from app.core.settings import Settings
from app.demo.people import write_people
from app.messages.queries import Ledger, ledger
from app.rendering.starters import load_starter
from app.reporting.report import Report, report
from app.tracking.backlog import waiting

OWNER = "demo@example.com"


class Story:
    """One workspace, one list, one newsletter."""

    def __init__(self, settings: Settings, *, people: int, seed: int) -> None:
        self._settings, self._people, self._seed = settings, people, seed
        self.imported = ""
        self.campaign_id = self._list_id = 0
        self._launched = self._sent = 0.0
        self.workspace = self._workspace()

    def write_people(self) -> Path:
        path = self._settings.root / "people.csv"
        write_people(path, self._people, self._seed)
        return path

    def import_people(self, path: Path, progress: Callable[[int], None]) -> None:
        begin = time.monotonic()
        with in_workspace(self.workspace.id):
            options = FileOptions(statement="A demonstration: nobody here is real.")
            name = "Letters from the dovecote"
            row = import_file(path, name, options, report=lambda done: progress(done.rows_done))
            self._list_id = row.list_id or 0
            db.session.commit()
        seconds = time.monotonic() - begin
        self.imported = f"{row.added:,} added, {row.invalid:,} invalid, in {seconds:.1f} s."

    def hold(self, seconds: int) -> None:
        """Let campaigns wait so long after their launch."""
        self.workspace.hold_seconds = seconds
        db.session.commit()

    def launch(self) -> None:
        with in_workspace(self.workspace.id):
            campaign = create_campaign("Autumn letter", mjml=load_starter("newsletter").mjml)
            campaign = save_settings(campaign.id, campaign.version, from_name="Dovecote News", from_email=OWNER)
            campaign = save_audience(campaign.id, campaign.version, lists=[self._list_id])
            variants = [
                VariantInput(0.5, "What the doves brought this week", "Five short reads", None, "A"),
                VariantInput(0.5, "{{ subscriber.first_name | fallback('Friend') }}, a letter for you", "", None, "B"),
            ]
            campaign = set_variants(campaign.id, campaign.version, variants, held_out=0.1)
            db.session.commit()
            launch(campaign.id, by=None)
            db.session.commit()
            self.campaign_id = campaign.id
            with suppress(Unavailable):  # the queue is away: the schedule asks again when it is back
                prepare([campaign.id])
        self._launched = time.monotonic()

    def is_sent(self) -> bool:
        with in_workspace(self.workspace.id):
            state = find_campaign(self.campaign_id, fresh=True).state
            db.session.rollback()
        if state == CampaignState.FINISHED and not self._sent:
            self._sent = time.monotonic()
        return state == CampaignState.FINISHED

    def concluded(self) -> int:
        found = self._ledger()
        return found.audience - found.open

    def sending_speed(self) -> str:
        mailed = self.report().total.mailed
        seconds = max(0.1, (self._sent or time.monotonic()) - self._launched)
        return f"{mailed:,} messages taken by their servers in {seconds:.1f} s, retries included."

    def is_taken_in(self) -> bool:
        left = waiting()
        db.session.rollback()
        return left.hits == 0 and left.mails == 0

    def report(self) -> Report:
        with in_workspace(self.workspace.id):
            return report(self.campaign_id)

    def begin_the_watch(self) -> None:
        """Have what was sent counted now: who looks on opens the watch before the schedule comes round."""
        with suppress(Unavailable):
            enqueue_job(Job.COUNT_WATCH)

    def report_address(self) -> str:
        return self._settings.url(f"/w/{self.workspace.slug}/reports/{self.campaign_id}")

    def sign_in_link(self) -> str:
        secret = make_link("sign-in", self._owner)
        db.session.commit()
        return self._settings.url(f"/enter/{secret}")

    def _ledger(self) -> Ledger:
        with in_workspace(self.workspace.id):
            found = ledger(self.campaign_id)
            db.session.rollback()
        return found

    def _workspace(self) -> Workspace:
        self._owner = db.session.scalar(select(User).where(User.email == OWNER)) or create_user(OWNER, name="Demo")
        earlier = db.session.scalar(select(func.count()).select_from(Workspace)) or 0
        workspace = create_workspace(f"Dovecote demo {earlier + 1}" if earlier else "Dovecote demo")
        workspace.from_name, workspace.from_email = "Dovecote News", OWNER
        workspace.postal_address = "1 Dovecote Lane, 12345 Nest"
        workspace.hold_seconds = 0
        add_member(workspace, self._owner, Role.OWNER)
        db.session.commit()
        return workspace
