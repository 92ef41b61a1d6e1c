"""What a mail says does not depend on how it is told."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.incoming import IncomingMail
from app.mail.reading import read_mail
from benchmarks.reading_labels import own_letters
from tests.mail.retellings import RETELLINGS

LETTERS = {one.path: one for one in own_letters()}
# JSON and the marks of programs are written in one case.
WRITTEN_SO = re.compile(rb'"notificationType"|"eventType"|Feedback-Type', re.IGNORECASE)


def answer(mail: IncomingMail) -> tuple[str, list[tuple[str, bool]]]:
    return mail.kind, sorted((one.address.lower(), one.suppress) for one in mail.recipients)


@pytest.mark.parametrize("name", RETELLINGS)
def test_the_answer_stays_the_same(name: str) -> None:
    changed = []
    for path, label in LETTERS.items():
        if name == "in capitals" and WRITTEN_SO.search(label.raw):
            continue
        told = RETELLINGS[name](label.raw, random.Random(path))
        if answer(read_mail(told)) != answer(read_mail(label.raw)):
            changed.append((path, answer(read_mail(label.raw)), answer(read_mail(told))))
    assert changed == []


@given(
    path=st.sampled_from(sorted(LETTERS)),
    names=st.lists(st.sampled_from(["shuffled", "renamed fields", "passed on", "bare lines", "tagged"]), max_size=4),
    seed=st.integers(0, 9),
)
def test_the_answer_stays_the_same_after_a_long_way(path: str, names: list[str], seed: int) -> None:
    raw = LETTERS[path].raw
    for name in names:
        raw = RETELLINGS[name](raw, random.Random(seed))
    assert answer(read_mail(raw)) == answer(read_mail(LETTERS[path].raw))


LOCAL = st.from_regex(r"[a-z][a-z0-9]{1,12}(?:[._+-][a-z0-9]{1,8}){0,2}", fullmatch=True)
DOMAIN = st.from_regex(r"[a-z][a-z0-9]{1,10}(?:-[a-z0-9]{1,6})?\.(?:example|test|example\.com)", fullmatch=True)


@given(path=st.sampled_from(sorted(LETTERS)), local=LOCAL, domain=DOMAIN)
def test_names_make_no_difference(path: str, local: str, domain: str) -> None:
    label = LETTERS[path]
    if not label.people:
        return
    old, new = label.people[0][0], f"{local}@{domain}"
    whole = re.compile(rb"(?<![\w.+-])%s(?![\w-]|\.\w)" % re.escape(old.encode()), re.IGNORECASE)
    if old in (name for name, _ in label.people[1:]) or not whole.search(label.raw):
        return
    before, after = answer(read_mail(label.raw)), answer(read_mail(whole.sub(new.encode(), label.raw)))
    assert after == (before[0], sorted((new if name == old else name, dead) for name, dead in before[1]))
