"""Campaigns whose people have mailboxes at several providers."""

from sqlalchemy import text

from app.accounts.models import Workspace
from app.core.database import db
from tests.sending import world


def plan(workspace: Workspace, **people: int) -> int:
    """A campaign to so many people of each domain (`a_test=3`: three at a.test), mixed; providers are the domains."""
    campaign = world.plan_campaign(workspace, sum(people.values()))
    domains = [name.replace("_", ".") for name, count in people.items() for _ in range(count)]
    places = sorted((_place(number, domains), domain) for number, domain in enumerate(domains))
    rows = world.look("SELECT id, subscriber_id FROM messages WHERE campaign_id = :c ORDER BY id", campaign)
    for row, domain in zip(rows, [domain for _at, domain in places], strict=True):
        db.session.execute(
            text("UPDATE messages SET provider = :d, address = 'p' || id || '@' || :d WHERE id = :i"),
            {"d": domain, "i": row.id},
        )
        db.session.execute(
            text("UPDATE subscribers SET email = 'p' || CAST(:i AS text) || '@' || :d WHERE id = :s"),
            {"d": domain, "i": row.id, "s": row.subscriber_id},
        )
    db.session.commit()
    return campaign


def _place(number: int, domains: list[str]) -> float:
    """Where in the mix one stands: each domain's people at equal distances."""
    domain = domains[number]
    first, count = domains.index(domain), domains.count(domain)
    return (number - first + 0.5) / count


def by_provider(campaign: int) -> dict[tuple[str, str], int]:
    """How many messages of which provider are in which state."""
    rows = world.look("SELECT provider, state, count(*) FROM messages WHERE campaign_id = :c GROUP BY 1, 2", campaign)
    return {(row[0], row[1]): row[2] for row in rows}
