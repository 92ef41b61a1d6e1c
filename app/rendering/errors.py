"""What can be wrong with a design, and where."""

from dataclasses import dataclass

from app.core.errors import Invalid, MerpatiError


class DesignError(Invalid):
    """MJML or merge tags that cannot be used. `line` and `column` count from 1 in the author's source."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message if line is None else f"Line {line}, column {column}: {message}", field="content")
        self.message = message
        self.line = line
        self.column = column


class RenderError(MerpatiError):
    """A tag that cannot be filled in for this person; the other people's mails are not touched by it."""

    def __init__(self, message: str, *, tag: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.tag = tag
        self.line = line


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in merge tags; lines and columns count from 1."""

    message: str
    line: int
    column: int
    field: str | None = None


def position(source: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset in a text."""
    return source.count("\n", 0, offset) + 1, offset - source.rfind("\n", 0, offset)


def design_error(source: str, offset: int, message: str) -> DesignError:
    """A DesignError that names the place of an offset."""
    return DesignError(message, *position(source, offset))
