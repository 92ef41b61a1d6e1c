"""The preview of a variant, as somebody would read it."""

from app.audience.models import Subscriber
from app.campaigns.models import Campaign, Variant
from app.campaigns.reader import reader_context
from app.campaigns.review_content import source_of
from app.content.preview import Place, kept_source, render_source
from app.rendering.merge import RenderedEmail


def preview(
    campaign: Campaign, variant: Variant, person: Subscriber | None, *, source: str | None = None
) -> RenderedEmail:
    """The mail of a variant for a person. `source` stands in for what is saved. Raises DesignError, RenderError."""
    text = source_of(campaign, variant) if source is None else source
    context = reader_context(campaign, person)
    return render_source(text, context, subject=variant.subject, preheader=variant.preheader)


def typing_place(campaign: Campaign, variant: Variant, user_id: int) -> Place:
    """Where the source that this user is typing waits for its preview."""
    return Place(campaign.workspace_id, user_id, f"campaign-{campaign.id}-{variant.position}")


def latest_source(campaign: Campaign, variant: Variant, user_id: int) -> str | None:
    """What the user typed last and has not saved."""
    return kept_source(typing_place(campaign, variant, user_id))
