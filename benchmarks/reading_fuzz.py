"""Whether the reader bears damage: mutants of labelled mail, and mail built to be heavy.

Every mutant is read twice: once for its time, once for the memory that reading takes beyond the mail itself. Nothing
may be raised, not even what the reader catches so as to keep a mail that it stumbled over; nothing may take a second of
the processor, nothing 100 MB. The seed makes a run repeatable. On a machine that others use, the clock on the wall
tells of them as well: it is shown and not judged.

    python -m benchmarks.reading_fuzz [FOLDER] [--mutants=20000] [--seed=1]
"""

import random
import re
import statistics
import sys
import time
import traceback
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.mail.reading import UNREADABLE, read_mail
from benchmarks.reading_labels import folder_of_labels, own_letters

MOST_SECONDS = 1.0
MOST_BYTES = 100 * 1024 * 1024
_MEGABYTE = 1024 * 1024
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_CHARSET = re.compile(rb"(charset\s*=\s*\"?)[\w.:-]+", re.IGNORECASE)
_ENCODING = re.compile(rb"(content-transfer-encoding:\s*)[\w-]+", re.IGNORECASE)
_CHARSETS = (b"utf-16", b"utf-32", b"utf-7", b"iso-2022-jp", b"gb2312", b"ebcdic-cp-us", b"punycode", b"hex", b"x-\x00")
_ENCODINGS = (b"base64", b"quoted-printable", b"uuencode", b"8bit", b"x-unknown")


def run(folder: Path | None = None, *, mutants: int = 20_000, seed: int = 1) -> dict[str, Any]:
    """Read all mutants and all heavy mail; prints what was raised, and tells the worst of each."""
    raws = [label.raw for label in (folder_of_labels(folder) if folder else own_letters())]
    light = measure(_mutants(raws, random.Random(seed), mutants))
    heavy = {name: (len(raw), measure([(name, raw)])) for name, raw in heavy_mails(raws)}
    result: dict[str, Any] = {"mutants": mutants, "of_mails": len(raws), "seed": seed, "kinds": dict(light.kinds)}
    result["raised"] = light.raised + sum(worst.raised for _, worst in heavy.values())
    result["median_ms"] = round(1000 * light.median, 2)
    result["slowest_mutant"] = f"{light.slowest[1]}: {1000 * light.slowest[0]:.0f} ms"
    result["slowest_on_the_wall"] = f"{1000 * light.waited:.0f} ms"
    result["largest_mutant"] = f"{light.largest[1]}: {light.largest[0] / _MEGABYTE:.1f} MB of memory"
    for name, (size, worst) in heavy.items():
        told = f"{1000 * worst.slowest[0]:.0f} ms, {worst.largest[0] / _MEGABYTE:.1f} MB of memory"
        result[name] = f"{size / _MEGABYTE:.1f} MB: {told}"
    every = [light, *(worst for _, worst in heavy.values())]
    quick = all(worst.slowest[0] < MOST_SECONDS and worst.largest[0] < MOST_BYTES for worst in every)
    result["ok"] = quick and not result["raised"]
    return result


@dataclass(slots=True)
class Worst:
    """The worst of some mails: seconds and octets, each with the name of what took them. `waited`: on the wall."""

    raised: int = 0
    waited: float = 0.0
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[int, str] = (0, "")
    seconds: list[float] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds or [0.0])


def measure(mails: Iterable[tuple[str, bytes]]) -> Worst:
    """Read named mails, each for its time and again for its memory."""
    worst = Worst()
    for name, raw in mails:
        try:
            begun, start = time.perf_counter(), time.thread_time()
            mail = read_mail(raw)
            worst.kinds[mail.kind] += 1
            worst.seconds.append(time.thread_time() - start)
            worst.waited = max(worst.waited, time.perf_counter() - begun)
            worst.slowest = max(worst.slowest, (worst.seconds[-1], name))
            tracemalloc.start()
            read_mail(raw)
            worst.largest = max(worst.largest, (tracemalloc.get_traced_memory()[1], name))
            if mail.evidence.startswith(UNREADABLE):
                worst.raised += 1
                print(f"{name}: {mail.evidence}", file=sys.stderr)
        except Exception:  # noqa: BLE001 - whatever it is, it is what this looks for
            worst.raised += 1
            print(f"{name}:", traceback.format_exc(limit=-3), file=sys.stderr)
        finally:
            tracemalloc.stop()
    return worst


def _mutants(raws: list[bytes], chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    names = sorted(MUTATIONS)
    for _ in range(count):
        name = chance.choice(names)
        yield name, MUTATIONS[name](chance.choice(raws), raws, chance)


def _flipped(raw: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    damaged = bytearray(raw)
    for _ in range(chance.randint(1, max(len(raw) // 50, 1))):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _cut(raw: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    start, end = sorted((chance.randrange(len(raw)), chance.randrange(len(raw))))
    return raw[start:end] if chance.random() < 0.5 else raw[:start] + raw[end:]


def _doubled(raw: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    """Blocks between blank lines, some of them twice or many times."""
    blocks = _BLANK_LINE.split(raw)
    at = chance.randrange(len(blocks))
    return b"\n\n".join(blocks[:at] + [blocks[at]] * chance.choice((2, 3, 50, 500)) + blocks[at + 1 :])


def _swapped(raw: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """The header of one mail above the body of another, or a mail's own blocks in another order."""
    if chance.random() < 0.5:
        blocks = _BLANK_LINE.split(raw)
        chance.shuffle(blocks)
        return b"\n\n".join(blocks)
    return _BLANK_LINE.split(raw)[0] + b"\n\n" + _BLANK_LINE.split(chance.choice(others), maxsplit=1)[-1]


def _misnamed(raw: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    charset, encoding = chance.choice(_CHARSETS), chance.choice(_ENCODINGS)
    raw = _CHARSET.sub(lambda found: found[1] + charset, raw)
    return _ENCODING.sub(lambda found: found[1] + encoding, raw) if chance.random() < 0.5 else raw


def _stuffed(raw: bytes, _others: list[bytes], chance: random.Random) -> bytes:
    filler = chance.choice((b"\x00", b"\xff\xfe", b"\x1b$B", b"=", b"<", b"\r", b" ", b"a@b.cd ", b"550 ", b"--"))
    for _ in range(chance.randint(1, 30)):
        at = chance.randrange(len(raw) + 1)
        raw = raw[:at] + filler * chance.choice((1, 3, 1000)) + raw[at:]
    return raw


def _enclosed(raw: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """One mail within another, at any place: bounces of bounces, and parts that end in the wrong one."""
    at = chance.randrange(len(raw) + 1)
    return raw[:at] + b"\n\n" + chance.choice(others) + b"\n\n" + raw[at:]


MUTATIONS: dict[str, Callable[[bytes, list[bytes], random.Random], bytes]] = {
    "flipped": _flipped,
    "cut": _cut,
    "doubled": _doubled,
    "swapped": _swapped,
    "misnamed": _misnamed,
    "stuffed": _stuffed,
    "enclosed": _enclosed,
}


def heavy_mails(raws: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """Mail of 100 MB, of ten thousand parts and of a thousand levels, made around real reports."""
    longest = max(raws, key=len)
    head = b"From: MAILER-DAEMON@example.org\nSubject: failure notice\n"
    mixed = b"Content-Type: multipart/mixed; boundary=b\n\n"
    yield "100 MB of text", head + b"\n" + (longest * (100 * _MEGABYTE // len(longest) + 1))[: 100 * _MEGABYTE]
    yield "100 MB of NUL", head + b"\n" + b"\x00" * 100 * _MEGABYTE
    yield "100 MB in one line", head + b"\nX" + b"550 5.1.1 a@b.cd " * (100 * _MEGABYTE // 17)
    yield "100 MB of base64", head + b"Content-Transfer-Encoding: base64\n\n" + b"QUFB" * (25 * _MEGABYTE)
    status = b"--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a%d@b.cd\nStatus: 5.1.1\n\n"
    yield "10,000 parts", head + mixed + b"".join(b"--b\n\n" + raws[n % len(raws)][:90] for n in range(10_000))
    yield "10,000 reports", head + mixed + b"".join(status % n for n in range(10_000))
    level = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    yield "1,000 levels", head + b"".join(level % (n, n) for n in range(1000)) + longest
    yield "1,000 mails in mails", head + b"Content-Type: message/rfc822\n\n" * 1000 + longest
    outer = b"Content-Type: multipart/report; boundary=b%d\n\n--b%d\nContent-Type: message/rfc822\n\n"
    yield "1,000 bounces of bounces", b"".join(head + outer % (n, n) for n in range(1000)) + longest


def _main(arguments: list[str]) -> None:
    folder = next((Path(one) for one in arguments if not one.startswith("--")), None)
    numbers = {key.lstrip("-"): int(value) for key, _, value in (one.partition("=") for one in arguments) if value}
    for key, value in run(folder, **numbers).items():
        print(f"{key:>26}  {value}")


if __name__ == "__main__":
    _main(sys.argv[1:])
