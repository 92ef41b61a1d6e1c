"""How well incoming mail is read: kinds, recipients, and whom a bounce condemns, beside the first-digit rule.

The rule says "5xx is hard, 4xx is soft". It is given our reader's recipients and codes, and differs in the verdict.
Measured are the tests' own letters, or the labelled mail of a folder. Such a folder has a `labels.csv` with the columns
path, kind, recipients, address_permanent and trust; several values in a field are parted by semicolons.

    python -m benchmarks.reading [FOLDER] [--misses 0|1]
"""

import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.mail.incoming import IncomingMail
from app.mail.reading import read_mail
from benchmarks.reading_labels import Labelled, folder_of_labels, own_letters

ROUNDS = 3
_KINDS = {"complaint": "arf", "feedback": "arf", "delayed": "bounce", "reply": "none", "list": "none"}
_CODE = re.compile(rb"(?<![\d.])([45])(?:\d\d(?=[ \-#])|\.\d{1,3}\.\d{1,3}(?!\.?\d))")


@dataclass(frozen=True)
class Reading:
    """A labelled mail, and what was read in it in how many seconds."""

    label: Labelled
    mail: IncomingMail
    seconds: float


def run(folder: Path | None = None) -> dict[str, Any]:
    """Read all mail and compare: prints the figures and both confusion tables, of all mail and per folder and kind."""
    readings = [_read(label) for label in (folder_of_labels(folder) if folder else own_letters())]
    print(f"All {len(readings)} mails; rows are the labels")
    print_tables(readings)
    _print_groups("folder", readings, lambda reading: reading.label.folder)
    _print_groups("kind", readings, lambda reading: reading.label.kind)
    _print_groups("half", readings, lambda reading: str(reading.label.half))
    for name in sorted({reading.label.folder for reading in readings}):
        of_folder = [reading for reading in readings if reading.label.folder == name]
        print(f"\n{name}: {len(of_folder)} mails")
        print_tables(of_folder)
    print()
    result = {"mails": len(readings), **_figures(readings)}
    for half in (0, 1):
        of_half = [reading for reading in readings if reading.label.half == half]
        result[f"half_{half}"] = {"mails": len(of_half), **_figures(of_half)}
        result[f"first_digit_{half}"] = _figures_by_first_digit(of_half)
    result["first_digit"] = _figures_by_first_digit(readings)
    result["ok"] = _keeps_promises(result)
    milliseconds = [1000 * reading.seconds for reading in readings]
    result["median_ms"] = round(statistics.median(milliseconds), 2)
    result["slowest_ms"] = round(max(milliseconds), 1)
    return result


def _read(label: Labelled) -> Reading:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        mail = read_mail(label.raw)
        seconds.append(time.perf_counter() - start)
    return Reading(label, mail, min(seconds))


def print_tables(readings: list[Reading]) -> None:
    """Kind by kind, and suppression by label: rows are the labels."""
    _print_table("kind", Counter((one.label.kind, one.mail.kind) for one in readings))
    _print_table("kind by first digit", Counter((one.label.kind, _kind_by_digit(one.label.raw)) for one in readings))
    words = {True: "suppressed", False: "kept"}
    labels = {True: "dead", False: "alive", None: "not labelled"}
    ours: Counter[tuple[str, str]] = Counter()
    rule: Counter[tuple[str, str]] = Counter()
    for reading, (address, dead) in _people(readings):
        ours[labels[dead], words[_by_us(reading)[address]]] += 1
        rule[labels[dead], words[_by_first_digit(reading)[address]]] += 1
    _print_table("address", ours)
    _print_table("address by first digit", rule)


def _print_table(title: str, counts: Counter[tuple[str, str]]) -> None:
    columns = sorted({column for _, column in counts})
    print(f"  {title:<24}" + "".join(f"{column:>12}" for column in columns))
    for row in sorted({row for row, _ in counts}):
        print(f"    {row:<22}" + "".join(f"{counts[row, column] or '.':>12}" for column in columns))


_COLUMNS = {
    "kinds_right": "kind",
    "recipients_found": "found",
    "wrong_addresses": "wrong",
    "suppress_precision": "precision",
    "suppress_recall": "recall",
    "suppressed_alive": "alive",
}


def _print_groups(title: str, readings: list[Reading], group_of: Callable[[Reading], str]) -> None:
    """A line of figures for each group, those of the rule behind them. In percent, but for mails and alive."""
    heads = ["mails", *_COLUMNS.values(), "by digit:", "precision", "recall", "alive"]
    print(f"\n  {'by ' + title:<32}" + "".join(f"{head:>10}" for head in heads))
    for name in sorted(set(map(group_of, readings))):
        of_group = [reading for reading in readings if group_of(reading) == name]
        ours, rule = _figures(of_group), _figures_by_first_digit(of_group)
        told = [len(of_group), *(ours[key] for key in _COLUMNS), "", *rule.values()]
        print(f"    {name:<30}" + "".join(f"{'–' if value is None else value:>10}" for value in told))


def _figures_by_first_digit(readings: list[Reading]) -> dict[str, Any]:
    return _judged((label, _by_first_digit(reading)[label[0]]) for reading, label in _people(readings))


def _people(readings: Iterable[Reading]) -> Iterable[tuple[Reading, tuple[str, bool | None]]]:
    """Everybody who is both labelled and found."""
    for reading in readings:
        found = _by_us(reading)
        yield from ((reading, (address, dead)) for address, dead in reading.label.people if address in found)


def _by_us(reading: Reading) -> dict[str, bool]:
    return {one.address.lower(): one.suppress for one in reading.mail.recipients if one.address}


def _by_first_digit(reading: Reading) -> dict[str, bool]:
    """The rule: a 5 condemns the address, a 4 or no code at all spares it."""
    return {
        one.address.lower(): one.action not in ("delivered", "delayed")
        and (one.status or str(one.reply_code or "")).startswith("5")
        for one in reading.mail.recipients
    }


def _kind_by_digit(raw: bytes) -> str:
    """The rule for kinds: the first code in a mail tells, and a mail without any is none."""
    found = _CODE.search(raw)
    return "none" if found is None else "bounce" if found[1] == b"5" else "delayed"


def _keeps_promises(result: dict[str, Any]) -> bool:
    """What the reader is held to; a figure that could not be measured breaks nothing."""
    least = {"recipients_found": 97, "suppress_precision": 98, "suppress_recall": 95}
    enough = all(result[name] is None or result[name] >= share for name, share in least.items())
    return enough and (result["wrong_addresses"] or 0) <= 1 and not result["taken_for_a_bounce"]


def _figures(readings: list[Reading]) -> dict[str, Any]:
    counted = [one for one in readings if one.label.names_people]
    whole = sum(all(address in _by_us(one) for address, _ in one.label.people) for one in counted)
    found = [(one, address) for one in counted for address in _by_us(one)]
    wrong = sum(address not in dict(one.label.people) for one, address in found)
    right = sum(one.label.kind == _KINDS.get(one.mail.kind, one.mail.kind) for one in readings)
    innocent = [one for one in readings if one.label.kind in ("none", "autoreply", "delivered")]
    accused = sum(one.mail.kind in ("bounce", "delayed", "complaint") for one in innocent)
    return {
        "kinds_right": _share(right, len(readings)),
        "taken_for_a_bounce": accused,
        "recipients_found": _share(whole, len(counted)),
        "wrong_addresses": _share(wrong, len(found)),
        **_judged(
            ((address, dead), _by_us(one).get(address, False)) for one in readings for address, dead in one.label.people
        ),
    }


def _judged(people: Iterable[tuple[tuple[str, bool | None], bool]]) -> dict[str, Any]:
    counts = Counter((dead, suppressed) for (_, dead), suppressed in people if dead is not None)
    hits, wrong, missed = counts[True, True], counts[False, True], counts[True, False]
    return {
        "suppress_precision": _share(hits, hits + wrong),
        "suppress_recall": _share(hits, hits + missed),
        "suppressed_alive": wrong,
    }


def _share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def print_misses(readings: list[Reading]) -> None:
    """Each mail that was read otherwise than labelled, for whoever mends the reader."""
    for one in readings:
        ours = _by_us(one)
        people = dict(one.label.people)
        expected, kind = one.label.kind, one.mail.kind
        odd = [f"{expected} read as {kind}"] * (expected != _KINDS.get(kind, kind))
        odd += [f"not found: {address}" for address in people if address not in ours]
        odd += [f"not labelled: {address}" for address in ours if people and address not in people]
        verdicts = {one.address.lower(): one.reason for one in one.mail.recipients}
        odd += [
            f"{address} is {'dead' if dead else 'alive'}, read {verdicts[address]}"
            for address, dead in people.items()
            if dead is not None and ours.get(address, dead) != dead
        ]
        for text in odd:
            print(f"{one.label.path}: {text}")


def _main(arguments: list[str]) -> None:
    folder = next((Path(one) for one in arguments if not one.startswith("--")), None)
    for key, value in run(folder).items():
        print(f"{key:>20}  {value}")
    if any(one.startswith("--misses") for one in arguments):
        halves = {int(one[-1]) for one in arguments if one.startswith("--misses=")} or {0, 1}
        labels = folder_of_labels(folder) if folder else own_letters()
        print_misses([_read(label) for label in labels if label.half in halves])


if __name__ == "__main__":
    _main(sys.argv[1:])
