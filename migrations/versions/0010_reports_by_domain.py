"""A report's number counts for its domain alone; transports that always sign say so."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BEFORE = "uq_dmarc_reports_workspace_id_organisation_report_id"
COLUMNS = ["workspace_id", "organisation", "report_id"]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '30s'")
    op.create_unique_constraint(f"{BEFORE}_domain", "dmarc_reports", [*COLUMNS, "domain"])
    op.drop_constraint(BEFORE, "dmarc_reports", type_="unique")
    op.execute(
        "UPDATE transports SET signs = true WHERE NOT signs AND (kind IN ('ses', 'sendgrid', 'postmark') "
        r"OR (kind = 'smtp' AND host ~* '(^|\.)email-smtp(-fips)?\.(.+\.)?amazonaws\.com(\.cn)?$'))"
    )


def downgrade() -> None:
    # Of two reports with one number the older stays: the former rule knows only one.
    op.execute(
        "DELETE FROM dmarc_reports a USING dmarc_reports b WHERE a.id > b.id AND a.workspace_id = b.workspace_id "
        "AND a.organisation = b.organisation AND a.report_id = b.report_id"
    )
    op.create_unique_constraint(BEFORE, "dmarc_reports", COLUMNS)
    op.drop_constraint(f"{BEFORE}_domain", "dmarc_reports", type_="unique")
