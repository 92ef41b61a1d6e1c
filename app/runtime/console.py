"""What a person sees of the processes: warnings and errors, by name and colour. Everything is in the log files."""

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

_COLOURS = (36, 32, 35, 34, 33, 96, 92, 95, 94)
_LONGEST_READ = 256 * 1024

_SERIOUS = re.compile(
    r"""(?i:\[(?:warn|warning|error|critical|fatal)\s*\]|"level": ?"(?:warning|error|critical)")"""
    r"""|\b(?:WARNING|ERROR|CRITICAL|FATAL|PANIC)\b"""
)
_TRACEBACK = "Traceback (most recent call last):"


class Console:
    """Lines on the terminal, each with the name of the process it comes from."""

    def __init__(self, names: list[str], out: IO[str] | None = None) -> None:
        self._out = out or sys.stdout
        self._width = max((len(name) for name in names), default=0)
        colours = self._out.isatty()
        self._colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names) if colours}

    def show(self, name: str, line: str) -> None:
        label = f"{name:<{self._width}} |"
        if name in self._colours:
            label = f"\x1b[{self._colours[name]}m{label}\x1b[0m"
        self.say(f"{label} {line}")

    def say(self, line: str) -> None:
        # The terminal may be closed before us; the processes still have to be stopped in order.
        with suppress(OSError):
            print(line, file=self._out, flush=True)


class Tail:
    """The lines of a log that are new since the last look."""

    def __init__(self, path: Path, start: int) -> None:
        self.path = path
        self._offset = start
        self._rest = b""
        self._in_traceback = False

    def new_lines(self, *, everything: bool) -> list[str]:
        """Whole lines; only warnings, errors and tracebacks unless `everything`."""
        return [line for line in self._read() if self._is_serious(line) or everything]

    def _read(self) -> list[str]:
        with self.path.open("rb") as log:
            size = log.seek(0, 2)
            if size < self._offset:  # the log was set aside meanwhile
                self._offset, self._rest = 0, b""
            if size - self._offset > _LONGEST_READ:
                self._offset, self._rest = size - _LONGEST_READ, b""
            log.seek(self._offset)
            text = log.read()
        self._offset += len(text)
        *lines, self._rest = (self._rest + text).split(b"\n")
        return [line.decode(errors="replace").rstrip() for line in lines]

    def _is_serious(self, line: str) -> bool:
        if self._in_traceback:
            # It ends with the first line that is not indented: the exception itself.
            self._in_traceback = not line or line[0] in " \t"
            return True
        self._in_traceback = line.startswith(_TRACEBACK)
        return self._in_traceback or _SERIOUS.search(line[:200]) is not None
