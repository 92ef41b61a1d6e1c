"""Lists, people and campaigns for tests; made with SQL, so that thousands cost little. Needs a workspace in scope."""

from collections.abc import Sequence
from secrets import token_hex

from sqlalchemy import text

from app.audience.lists import create_list
from app.audience.models import MailingList
from app.campaigns.edit import VariantInput, create_campaign, save_audience, set_variants
from app.campaigns.models import Campaign
from app.core.database import current_workspace_id, db

WEEKLY = """<mjml lang="en">
  <mj-head><mj-title>Weekly digest</mj-title></mj-head>
  <mj-body>
    <mj-section><mj-column>
      <mj-text>Hello {{ subscriber.first_name | fallback("friend") }}, here are the ten things of this week.</mj-text>
      <mj-text><a href="https://aviary.example.com/doves">All about doves</a></mj-text>
    </mj-column></mj-section>
    <mj-section><mj-column>
      <mj-text>{{ workspace.name }}, {{ workspace.postal_address }}
        <a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
    </mj-column></mj-section>
  </mj-body>
</mjml>
"""


def make_list(name: str = "") -> MailingList:
    """A list of its own."""
    return create_list(name or f"List {token_hex(4)}")


def add_people(
    mailing_list: MailingList | None, count: int, *, state: str = "confirmed", first_name: str = "Robin"
) -> list[int]:
    """So many new people, on the list in this state; their ids."""
    batch = token_hex(4)
    ids = db.session.scalars(
        text(
            "INSERT INTO subscribers (workspace_id, email, address, address_hash, first_name) "
            "SELECT w.id, a.address, a.address, sha256(w.address_key || convert_to(a.address, 'UTF8')), :first_name "
            "FROM workspaces w, (SELECT 'p' || i || '.' || :batch || '@example.com' AS address "
            "FROM generate_series(1, :count) i) a WHERE w.id = :workspace RETURNING id"
        ),
        {"workspace": current_workspace_id(), "batch": batch, "count": count, "first_name": first_name},
    ).all()
    if mailing_list is not None:
        subscribe(mailing_list, ids, state=state)
    return list(ids)


def subscribe(mailing_list: MailingList, ids: Sequence[int], *, state: str = "confirmed") -> None:
    """Put people on a list in this state."""
    db.session.execute(
        text(
            "INSERT INTO subscriptions (workspace_id, list_id, subscriber_id, state) "
            "SELECT :workspace, :list, unnest(CAST(:ids AS bigint[])), :state"
        ),
        {"workspace": current_workspace_id(), "list": mailing_list.id, "ids": list(ids), "state": state},
    )


def suppress_people(ids: Sequence[int], *, list_id: int | None = None) -> None:
    """Suppress people, everywhere or for one list."""
    db.session.execute(
        text(
            "INSERT INTO suppressions (workspace_id, address_hash, hint, reason, list_id) "
            "SELECT workspace_id, address_hash, 'p…', 'bounced', :list FROM subscribers WHERE id = ANY(:ids)"
        ),
        {"ids": list(ids), "list": list_id},
    )


def weekly_digest(
    *lists: MailingList,
    exclude: Sequence[MailingList] = (),
    variants: Sequence[VariantInput] | None = None,
    held_out: float = 0,
    mjml: str = WEEKLY,
) -> Campaign:
    """A draft that passes its review, once somebody is on its lists."""
    campaign = create_campaign("Weekly digest", mjml=mjml, subject="Ten things this week")
    campaign = save_audience(
        campaign.id, campaign.version, lists=[row.id for row in lists], exclude=[row.id for row in exclude]
    )
    if variants:
        campaign = set_variants(campaign.id, campaign.version, variants, held_out=held_out)
    elif held_out:
        only = VariantInput(1.0, "Ten things this week")
        campaign = set_variants(campaign.id, campaign.version, [only], held_out=held_out)
    return campaign
