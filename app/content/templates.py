"""Templates: reusable starts for newsletters."""

from sqlalchemy import select

from app.content.models import Template
from app.core import clock
from app.core.database import db
from app.core.errors import Invalid, NotFound
from app.rendering.starters import load_starter

MAX_NAME = 200
BLANK = """<mjml lang="en">
  <mj-head>
    <mj-title>{{ campaign.name }}</mj-title>
  </mj-head>
  <mj-body>
    <mj-section>
      <mj-column>
        <mj-text>Write here.</mj-text>
      </mj-column>
    </mj-section>
    <mj-section>
      <mj-column>
        <mj-text font-size="12px">
          {{ workspace.name }}, {{ workspace.postal_address }}<br />
          <a href="{{ unsubscribe_url }}">Unsubscribe</a>
        </mj-text>
      </mj-column>
    </mj-section>
  </mj-body>
</mjml>
"""
"""What writing from scratch begins with: the least that may be sent."""


def create_template(name: str, *, description: str = "", mjml: str = BLANK) -> Template:
    """A new template. Raises Invalid for an empty name."""
    template = Template(name=_checked_name(name), description=description.strip(), mjml=mjml)
    db.session.add(template)
    db.session.flush()
    return template


def create_from_starter(slug: str) -> Template:
    """A template that begins as one of the starters. Raises NotFound."""
    starter = load_starter(slug)
    return create_template(starter.name, description=starter.description, mjml=starter.mjml)


def change_template(template_id: int, *, name: str, description: str, mjml: str) -> Template:
    """Save a template. Campaigns made from it before stay as they are. Raises Invalid, NotFound."""
    template = find_template(template_id)
    template.name, template.description, template.mjml = _checked_name(name), description.strip(), mjml
    db.session.flush()
    return template


def duplicate_template(template_id: int) -> Template:
    """A second one like it. Raises NotFound."""
    source = find_template(template_id)
    return create_template(f"{source.name} (copy)", description=source.description, mjml=source.mjml)


def archive_template(template_id: int) -> Template:
    """Take a template out of the gallery. Raises NotFound."""
    template = find_template(template_id)
    template.archived_at = template.archived_at or clock.now()
    db.session.flush()
    return template


def unarchive_template(template_id: int) -> Template:
    """Put it back into the gallery. Raises NotFound."""
    template = find_template(template_id)
    template.archived_at = None
    db.session.flush()
    return template


def find_template(template_id: int) -> Template:
    """The template of the workspace in scope. Raises NotFound."""
    template = db.session.scalar(select(Template).where(Template.id == template_id))
    if template is None:
        raise NotFound("There is no such template in this workspace.")
    return template


def list_templates(*, archived: bool = False) -> list[Template]:
    """The workspace's templates by name."""
    query = select(Template).where(Template.archived_at.is_not(None) if archived else Template.archived_at.is_(None))
    return list(db.session.scalars(query.order_by(Template.name, Template.id)))


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid("Give the template a name.", field="name")
    if len(name) > MAX_NAME:
        raise Invalid(f"The name has {len(name)} characters; {MAX_NAME} is the most.", field="name")
    return name
