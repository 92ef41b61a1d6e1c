"""One planned send: the campaign, its variants and its cells."""

from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import HasId, Model, Stamped, WorkspaceOwned


class Campaign(HasId, Stamped, WorkspaceOwned, Model):
    """Audience, cells, schedule. The allowed changes of `state` stand in `campaigns/lifecycle.py`."""

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'scheduled', 'launching', 'holding', 'sending', 'paused', 'finished', 'cancelled')",
            name="state",
        ),
        Index("ix_campaigns_state", "state"),
    )

    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="draft", default="draft")
    version: Mapped[int] = mapped_column(server_default=text("1"), default=1)
    """Goes up with every edit; a form that carries an older one is told so instead of overwriting."""
    mjml: Mapped[str] = mapped_column(server_default="")
    """The source being written; frozen into designs at launch."""
    audience: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    """{"lists": [id, …], "exclude": [id, …]}"""
    held_out: Mapped[float] = mapped_column(Numeric(6, 5, asdecimal=False), server_default=text("0"), default=0)
    """Share of the audience, 0 to 0.5, that gets nothing, to measure against."""
    salt: Mapped[str] = mapped_column(default=lambda: token_hex(8))
    """Seeds the draw of cells, so that two campaigns draw independently."""
    from_name: Mapped[str] = mapped_column(server_default="")
    from_email: Mapped[str] = mapped_column(server_default="")
    reply_to: Mapped[str] = mapped_column(server_default="")
    track_opens: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    track_clicks: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    stream: Mapped[str] = mapped_column(server_default="marketing", default="marketing")
    """marketing or transactional: which transports it may use, and whether it overtakes the others."""
    transport_id: Mapped[int | None] = mapped_column(ForeignKey("transports.id", ondelete="SET NULL"))
    """The one transport chosen for it; None: those of its workspace and stream."""
    weight: Mapped[int] = mapped_column(server_default=text("1"), default=1)
    """Its share of the workers beside other campaigns, 1 to 10."""
    timing: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    """How the send is laid out in time, as `campaigns/timing.py` reads it; empty: all at once."""
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("campaigns.id", ondelete="SET NULL"))
    """The campaign whose remaining people this one was made for."""
    scheduled_at: Mapped[datetime | None]
    hold_until: Mapped[datetime | None]
    launched_at: Mapped[datetime | None]
    launched_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    finished_at: Mapped[datetime | None]
    considered: Mapped[int | None]
    """How many people the freeze judged: what the ledger must add up to for ever."""
    waiting_for: Mapped[str] = mapped_column(server_default="")
    """Why nothing goes out just now, in a person's words; empty while it flows."""
    waiting_since: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]


class Variant(HasId, WorkspaceOwned, Model):
    """One version of subject, preheader and content; the share of the audience that gets it is its cell."""

    __tablename__ = "variants"
    __table_args__ = (UniqueConstraint("campaign_id", "position"),)

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str]
    subject: Mapped[str] = mapped_column(server_default="")
    preheader: Mapped[str] = mapped_column(server_default="")
    mjml: Mapped[str | None]
    """Content of its own; None means the campaign's."""
    share: Mapped[float] = mapped_column(Numeric(6, 5, asdecimal=False))
    """Of the people who are not held out; the shares of a campaign add up to 1."""
    design_id: Mapped[int | None] = mapped_column(ForeignKey("designs.id"))
    """Set at launch."""


class Cell(HasId, WorkspaceOwned, Model):
    """A slice of the drawn numbers [low, high) of 0 to 1,000,000; a cell without variant is held out."""

    __tablename__ = "cells"
    __table_args__ = (UniqueConstraint("campaign_id", "position"),)

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    variant_id: Mapped[int | None] = mapped_column(ForeignKey("variants.id", ondelete="CASCADE"))
    position: Mapped[int]
    low: Mapped[int]
    high: Mapped[int]


class Link(HasId, WorkspaceOwned, Model):
    """One link of one variant, as frozen at launch."""

    __tablename__ = "links"
    __table_args__ = (UniqueConstraint("variant_id", "position"), Index("ix_links_campaign_id", "campaign_id"))

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id", ondelete="CASCADE"))
    position: Mapped[int]
    url: Mapped[str]
    label: Mapped[str] = mapped_column(server_default="")
