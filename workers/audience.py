"""Jobs of the audience."""

from app.audience.imports import run
from workers.runtime import job_context


def run_import(import_id: int) -> None:
    """Run an import to its end, from wherever it is; it commits batch by batch."""
    with job_context():
        run.run_import(import_id)
