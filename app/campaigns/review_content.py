"""The review of what a variant says: whether it compiles, what would hurt readers or delivery."""

from urllib.parse import urlsplit

from app.audience.attributes import attribute_types
from app.campaigns.findings import CONTENT, Finding
from app.campaigns.models import Campaign, Variant
from app.campaigns.review_starter import starter_findings
from app.core.extensions import settings
from app.rendering.compiled import CompiledDesign
from app.rendering.design import compile_design
from app.rendering.errors import DesignError
from app.rendering.lint import lint
from app.rendering.merge import check_template

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
ONLY_WARN = frozenset({"local-link", "empty-link"})
"""Worth a second look, but the author may know better than the checks."""
COUNTED = frozenset({"missing-fallback"})
"""Said by `review_people`, with the number of people it is about."""


def content_findings(campaign: Campaign, variant: Variant) -> list[Finding]:
    """Everything about subject, preheader and content of one variant."""
    found = _subject(variant)
    source = source_of(campaign, variant)
    if not source.strip():
        return [*found, _finding(variant, "error", "no-content", "There is no content yet.", "mjml")]
    try:
        design = compile_design(source)
    except DesignError as error:
        return [*found, _finding(variant, "error", "bad-content", f"The content has a mistake. {error}", "mjml")]
    return [
        *found,
        *_unknown_fields(variant, source),
        *_lint(variant, design, source),
        *starter_findings(variant, source),
    ]


def source_of(campaign: Campaign, variant: Variant) -> str:
    """The MJML that a variant sends: its own, else the campaign's."""
    return campaign.mjml if variant.mjml is None else variant.mjml


def _subject(variant: Variant) -> list[Finding]:
    if not variant.subject:
        return [_finding(variant, "error", "no-subject", "There is no subject.", "subject")]
    found = []
    for part, source in (("subject", variant.subject), ("preheader", variant.preheader)):
        for problem in check_template(source, known_fields=attribute_types()):
            code = "unknown-field" if problem.field else "bad-merge-tag"
            found.append(_finding(variant, "error", code, f"In the {part}: {problem.message}", part))
    return found


def _unknown_fields(variant: Variant, source: str) -> list[Finding]:
    return [
        _finding(
            variant,
            "error",
            "unknown-field",
            f"Line {problem.line}, column {problem.column}: {problem.message}",
            "mjml",
        )
        for problem in check_template(source, known_fields=attribute_types())
    ]


def _lint(variant: Variant, design: CompiledDesign, source: str) -> list[Finding]:
    # Mistakes in the subject's tags are named by _subject already; lint would name them once more.
    findings = lint(design, mjml=source)
    ignored = COUNTED | ({"local-link"} if _is_local_installation() else set())
    return [
        _finding(
            variant,
            "warning" if finding.code in ONLY_WARN else finding.level,
            finding.code,
            f"Line {finding.line}: {finding.message}" if finding.line else finding.message,
            "mjml",
        )
        for finding in findings
        if finding.code not in ignored
    ]


def _is_local_installation() -> bool:
    return urlsplit(settings().base_url).hostname in LOCAL_HOSTS


def _finding(variant: Variant, level: str, code: str, message: str, anchor: str) -> Finding:
    about = f"{variant.name}: {message}" if variant.share < 1 else message
    return Finding(
        "error" if level == "error" else "warning", code, about, CONTENT, anchor, {"variant": variant.position}
    )
