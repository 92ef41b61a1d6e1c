"""Which kind of mail it is: who answers by machine, who reports, and who only speaks of it."""

import pytest

from app.mail.reading import read_mail
from tests.mail.letters import RETURN_ADDRESS, TOKEN, dsn, letter

MINE = f"In-Reply-To: <{TOKEN}@mail.example.com>\n"


def mail(sender: str, subject: str, text: str, *, path: str = "<ada@example.org>", more: str = "") -> bytes:
    head = f"Return-Path: {path}\n" if path else ""
    return letter(
        f"{head}From: {sender}\nTo: {RETURN_ADDRESS}\nSubject: {subject}\n{more}MIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}\n"
    )


@pytest.mark.parametrize(
    "subject",
    [
        "Automatiskt svar: Digest",
        "Odpowiedź automatyczna: Digest",
        "[Automatyczna odpowiedź] Digest",
        "Automaatne vastus: Digest",
        "การตอบกลับอัตโนมัติ: Digest",
        "Thư trả lời tự động: Digest",
        "AUTO: Ada is away (returning on Monday)",
        "***SPAM*** Автоматический ответ: Digest",
        "[EXTERNAL] 自動応答: Digest",
        "[EXTERNAL] [Automatyczna odpowiedź] Digest",
        "Request received: Undelivered Mail Returned to Sender",
        "Ticket #4711 received - your digest",
    ],
)
def test_answers_that_only_their_subject_shows(subject: str) -> None:
    assert read_mail(mail("Ada <ada@example.org>", subject, "Back on Monday.", more=MINE)).kind == "autoreply"


@pytest.mark.parametrize(
    "text",
    [
        "Hej! Jag är på semester till fredag.",
        "Dzień dobry, jestem na urlopie do piątku.",
        "Здравствуйте! Я нахожусь в отпуске до пятницы.",
        "Olen lomalla perjantaihin asti.",
        "お世話になっております。ただいま休暇をいただいております。",
        "CAUTION: This mail came from outside the company.\n____\n\nI'm currently out of the office until Friday.",
    ],
)
def test_answers_that_only_their_first_words_show(text: str) -> None:
    assert read_mail(mail("Ada <ada@example.org>", "Re: Digest", text, more=MINE)).kind == "autoreply"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ("X-MS-Exchange-Inbox-Rules-Loop: ada@example.org\n", "Undeliverable matters go to bob@example.org."),
        ("RT-Ticket: example.org #12\n", "Your request about mail that could not be delivered to bob@example.org."),
        ("Auto-Submitted: auto-replied\n", "Mail was not delivered to bob@example.org while I was away."),
        ("Auto-Submitted: auto-replied\n", "We got this:\n> 550 5.1.1 bob@example.org could not be delivered"),
    ],
)
def test_an_automatic_answer_without_a_return_path_is_no_report(more: str, text: str) -> None:
    assert read_mail(mail("Ada <ada@example.org>", "Thank you", text, path="<>", more=more)).kind == "autoreply"


@pytest.mark.parametrize(
    ("sender", "subject", "text"),
    [
        ("Bob Postmaster <postmaster@example.org>", "Your question", "Mail to bob@example.org could not be delivered."),
        (
            "Mail System <no-reply@phish.example>",
            "Mail delivery failed",
            f"550 5.2.2 quota of {RETURN_ADDRESS} exceeded",
        ),
    ],
)
def test_people_and_fraud_are_no_mail_system(sender: str, subject: str, text: str) -> None:
    assert read_mail(mail(sender, subject, text, more=MINE if "Bob" in sender else "")).kind in ("reply", "none")


@pytest.mark.parametrize(
    "subject",
    [
        "Auto: ein Angebot",
        "Message received, thank you",
        "Semester: our plans",
        "Reply automation, a question",
        "Re: Digest",
    ],
)
def test_what_people_write_about_is_theirs(subject: str) -> None:
    assert (
        read_mail(mail("Ada <ada@example.org>", subject, "Does the offer hold until Friday?", more=MINE)).kind
        == "reply"
    )


def test_a_list_that_holds_a_mail_for_its_moderator_is_no_absent_person() -> None:
    more = "X-List-Administrivia: yes\nAuto-Submitted: auto-generated\nPrecedence: list\n"
    text = "Your mail to 'Test' is held until the moderator can review it."
    assert read_mail(mail("test-bounces@lists.example.org", "Your message to Test", text, more=more)).kind == "list"


@pytest.mark.parametrize(
    ("sender", "path"),
    [
        ("Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.org>", ""),
        ("Postmaster <postmaster@example.org>", ""),
        ("System <system@example.org>", "<>"),
    ],
)
def test_a_report_in_a_language_that_nobody_here_reads(sender: str, path: str) -> None:
    text = (
        "Tha mearachd ann:\n\nada@example.org\nRemote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'"
    )
    told = read_mail(mail(sender, "Cha deach a libhrigeadh", text, path=path))
    assert (told.kind, [(one.address, one.suppress) for one in told.recipients]) == (
        "bounce",
        [("ada@example.org", True)],
    )


def test_a_list_of_those_whom_another_server_refused_by_name() -> None:
    text = "This mail was undeliverable:\n\nEach of the following recipients was rejected by a remote mail server.\n{}"
    entry = "\n    Recipient: <ada@example.org>\n    Reason:    Invalid recipient: <ada@example.org>\n"
    told = read_mail(
        mail("Mail Administrator <postmaster@example.net>", "Returned Mail", text.format(entry), path="<>")
    )
    assert [(one.address, one.suppress) for one in told.recipients] == [("ada@example.org", True)]


def test_an_answer_needs_somebody_who_answers() -> None:
    by_ada = mail("Ada <ada@example.org>", "Re: Digest", "Thank you!", more=MINE)
    by_nobody = mail("", "Re: Digest", "Thank you!", more=MINE)
    by_machine = mail("Ada <ada@example.org>", "Re: Digest", "Thank you!", path="<>", more=MINE)
    assert [read_mail(raw).kind for raw in (by_ada, by_nobody, by_machine)] == ["reply", "none", "autoreply"]


def test_a_report_spells_addresses_as_it_likes() -> None:
    groups = [f"Final-Recipient: rfc822; {name}@Example.org\nAction: failed\nStatus: 5.0.0" for name in ("Ada", "bob")]
    said = "<{}@example.org>: host mx.example.org said: 550 No such user (in reply to RCPT TO command)"
    told = read_mail(
        dsn(*groups, prose=f"{said.format('ada')}\n\n{said.format('bob').replace('No such user', 'Full')}")
    )
    assert [(one.address, one.suppress) for one in told.recipients] == [
        ("Ada@Example.org", True),
        ("bob@Example.org", False),
    ]


def test_without_another_servers_name_the_reporting_one_refused() -> None:
    group = "Final-Recipient: rfc822; ada@hotmail.com\nAction: failed\nStatus: 5.5.0\n"
    group += "Diagnostic-Code: smtp;550 Requested action not taken: mailbox unavailable (1171:13)"
    raw = dsn(group).replace(b"dns; mx.example.org", b"dns;bay0.hotmail.com")
    assert [one.suppress for one in read_mail(raw).recipients] == [True]
    assert [one.suppress for one in read_mail(dsn(group)).recipients] == [False]


@pytest.mark.parametrize(
    ("sender", "subject", "text"),
    [
        (
            "Postmaster <postmaster@example.org>",
            "Problems with the delivery of mail",
            "Your users get 550 5.1.1 user unknown for bob@example.org, though he is there. Would you look into it?",
        ),
        (
            "Mail Administrator <postmaster@example.org>",
            "Your mailbox is nearly full",
            "bob@example.org, new mail could not be delivered to you next week.",
        ),
        (
            "Mail Delivery System <claims@phish.example>",
            "Action required",
            "Dear bob@example.org, 3 messages could not be delivered to you. Release them: https://phish.example/1",
        ),
        (
            "Postmaster Weekly <news@postmaster-weekly.test>",
            "Undeliverable mail: a guide",
            "These recipients failed most: bob@example.org. The commonest code is 550 5.1.1.",
        ),
        (
            "Parcels <no-reply@parcels.example>",
            "Delivery failed",
            "We could not deliver your parcel 550-22 to the following address: 5 Main Street. Ask depot@example.net.",
        ),
    ],
)
def test_letters_about_deliveries_are_no_reports(sender: str, subject: str, text: str) -> None:
    assert read_mail(mail(sender, subject, text)).recipients == ()


@pytest.mark.parametrize("more", ["Auto-Submitted: auto-replied\n", "Precedence: bulk\n"])
def test_the_same_words_of_a_program_are_a_report(more: str) -> None:
    text = "550 5.1.1 user unknown: bob@example.org"
    found = read_mail(mail("Postmaster <postmaster@example.org>", "Delivery problem", text, more=more))
    assert [one.address for one in found.recipients] == ["bob@example.org"]


@pytest.mark.parametrize(
    "subject", ["Zustellung verzögert: Brief", "Message retardé", "Доставка задерживается", "配信遅延"]
)
def test_delays_in_other_languages(subject: str) -> None:
    text = "bob@example.org\n450 4.4.1 try again later"
    assert read_mail(mail("MAILER-DAEMON@mx.example.org", subject, text, path="<>")).kind == "delayed"


@pytest.mark.parametrize(
    "subject", ["**Message you sent blocked by our bulk email filter**", "MailMarshal has blocked your message"]
)
def test_notices_of_filters_name_whom_the_mail_was_for(subject: str) -> None:
    text = "Your message to: bob@example.org\nwas blocked by our Spam Firewall. It has NOT BEEN DELIVERED."
    found = read_mail(mail("postmaster@mx.example.org", subject, text, path="<>"))
    assert [(one.address, one.suppress) for one in found.recipients] == [("bob@example.org", False)]
