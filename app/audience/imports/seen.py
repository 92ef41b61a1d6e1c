"""The addresses an import has met, in little memory: to tell a repeated row from one more person."""

from array import array


class Seen:
    """A set of 64-bit numbers at 12 to 24 bytes each; a Python set of as many takes five times that."""

    def __init__(self) -> None:
        self._slots = array("Q", [0]) * (1 << 16)
        self._mask = (1 << 16) - 1
        self._count = 0

    def add(self, number: int) -> bool:
        """Add a number that is not 0; False when it was there already."""
        slots, mask = self._slots, self._mask
        at = number & mask
        while found := slots[at]:
            if found == number:
                return False
            at = (at + 1) & mask
        slots[at] = number
        self._count += 1
        if self._count * 3 > mask * 2:
            self._grow()
        return True

    def _grow(self) -> None:
        old = self._slots
        self._mask = mask = self._mask * 2 + 1
        self._slots = slots = array("Q", [0]) * (mask + 1)
        for number in old:
            if number:
                at = number & mask
                while slots[at]:
                    at = (at + 1) & mask
                slots[at] = number
