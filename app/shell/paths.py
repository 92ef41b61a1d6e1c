"""Files and folders named on the command line."""

from pathlib import Path
from typing import Any

import click

from app.shell.context import caller_folder


class GivenPath(click.Path):
    """A path as the caller means it: the scripts in bin/ change the folder, and say in which one they were called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, from the caller's folder; as given where that is the present one."""
        folder = caller_folder()
        if self.allow_dash and value == "-":
            return Path(value)
        if folder != Path.cwd():
            value = str(folder / value)
        return super().convert(value, param, ctx)
