"""The hourly counts of the watch, and what others report of our mail."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import HasId, Model, Stamped, WorkspaceOwned


class WatchHour(WorkspaceOwned, Model):
    """An hour's counts of one campaign at one provider by one transport."""

    __tablename__ = "watch_hours"
    __table_args__ = (Index("ix_watch_hours_former", "hour", postgresql_where=text("own IS NULL")),)

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    transport: Mapped[str] = mapped_column(primary_key=True)
    """Its number and where it stood; of the installation's own only where: `7 mail.example.com:587`."""
    domain: Mapped[str]
    """Of the sender."""
    sent: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    deferred: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    own: Mapped[int | None]
    """Put off by the transport for everybody; not among `deferred`. None: counted by a former release."""
    bounced_address: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    bounced_sender: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    bounced_other: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    late: Mapped[int | None]
    """Of the last three, mail that had been taken before: of no attempt. None as for `own`."""
    complained: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    clicked: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    """By people."""
    unsubscribed: Mapped[int] = mapped_column(server_default=text("0"), default=0)
    wait_seconds: Mapped[float] = mapped_column(server_default=text("0"), default=0.0)
    """From the first attempt to acceptance, summed over `sent`."""


class DmarcReport(HasId, WorkspaceOwned, Model):
    """One aggregate report of a receiver about a domain of ours (RFC 9990)."""

    __tablename__ = "dmarc_reports"
    __table_args__ = (UniqueConstraint("workspace_id", "organisation", "report_id", "domain"),)

    domain: Mapped[str]
    organisation: Mapped[str]
    report_id: Mapped[str]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    policy: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    received_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


class DmarcRow(HasId, WorkspaceOwned, Model):
    """Mail of one source as one report counted it."""

    __tablename__ = "dmarc_rows"
    __table_args__ = (Index("ix_dmarc_rows_report_id", "report_id"),)

    report_id: Mapped[int] = mapped_column(ForeignKey("dmarc_reports.id", ondelete="CASCADE"))
    source_ip: Mapped[str]
    count: Mapped[int]
    disposition: Mapped[str]
    dkim: Mapped[str]
    """pass or fail, aligned"""
    spf: Mapped[str]
    header_from: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)


class OutsideFigure(HasId, Stamped, WorkspaceOwned, Model):
    """A day's figures from a provider's own page, brought as a file: Google Postmaster Tools, Microsoft SNDS."""

    __tablename__ = "outside_figures"
    __table_args__ = (UniqueConstraint("workspace_id", "source", "subject", "day"),)

    source: Mapped[str]
    """postmaster or snds"""
    subject: Mapped[str]
    """The domain or the address of a machine."""
    day: Mapped[date] = mapped_column(Date)
    figures: Mapped[dict[str, Any]]


class Placement(HasId, Stamped, WorkspaceOwned, Model):
    """Where a campaign's mail was found in a mailbox of one's own."""

    __tablename__ = "placements"
    __table_args__ = (UniqueConstraint("campaign_id", "address"),)

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    address: Mapped[str]
    provider: Mapped[str] = mapped_column(server_default="", default="")
    placed: Mapped[str]
    """inbox, promotions, spam, missing"""
    noted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
