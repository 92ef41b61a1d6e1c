"""The whole main job through the pages of a real installation. Each test is the next chapter of one story."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, expect

from tests.flows.hands import (
    confirm,
    menu_by_keyboard,
    preview_says,
    skip_to_the_content,
    subject_by_keyboard,
    write,
)
from tests.flows.house import House, open_house, until
from tests.flows.letters import LETTER, MISTAKEN, PEOPLE, people_csv
from tests.flows.slow_line import SlowLine, slow_line
from tests.flows.visit import Visit, browser, visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

READER = "rosa@example.org"
ADDRESS = "1 Dovecote Lane, 12345 Nest"
SPRING = "Spring in the dovecote"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_house() as house:
        yield house


@pytest.fixture(scope="module")
def line(house: House) -> Iterator[SlowLine]:
    with slow_line(house.smtp) as line:
        yield line


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def owner(chromium: Browser, house: House) -> Iterator[Visit]:
    with visit(chromium, house) as owner:
        yield owner


@pytest.fixture(scope="module")
def reader(chromium: Browser, house: House) -> Iterator[Visit]:
    with visit(chromium, house) as reader:
        yield reader


def test_the_owner_moves_in(owner: Visit, house: House, line: SlowLine) -> None:
    owner.page.goto(house.owner_link)
    owner.look("start")
    owner.fill(Name_of_your_workspace="The Dovecote", Your_name="Ada Palmer")
    owner.fill(Your_e="ada@example.com", Password="doves come home at dusk")
    owner.press("Create workspace")
    owner.heading("The Dovecote")
    owner.look("home at first")
    skip_to_the_content(owner)
    owner.press("Settings")
    owner.heading("Settings")
    owner.look("settings")
    owner.press("Sending")
    owner.fill(Mail_server="127.0.0.1", Port=str(line.port), Connections_at_once="1")
    owner.page.get_by_label("Encryption").select_option("none")
    owner.press("Save account")
    owner.says("Send a trial mail to see whether it works")
    owner.press("Send trial mail")
    owner.says("The mail server took it")
    owner.look("sending")
    for tab in ("Team", "API keys", "Your password"):
        owner.press(tab)
        owner.heading(tab)
        owner.look(tab.lower())
    assert house.caught() == 1


def test_somebody_signs_up(owner: Visit, reader: Visit) -> None:
    owner.press("Audience")
    owner.look("no people")
    owner.press("Lists")
    owner.look("no lists")
    owner.press("Create list")
    owner.heading("Create a list")
    owner.look("create a list")
    owner.fill(Name="Letters", Description="Four times a year, from the roof.")
    owner.press("Create list")
    owner.says("The list Letters is ready")
    owner.look("list")
    reader.page.goto(owner.page.locator("#form-url").inner_text().strip())
    reader.heading("Letters")
    reader.look("sign up")
    reader.page.get_by_label("E-mail address").fill(READER)
    reader.fill(First_name="Rosa")
    # Whoever is quicker than a person is taken for a machine.
    until(lambda: bool(reader.page.evaluate("performance.now() > 1700")), "time to fill in a form")
    reader.press("Subscribe")
    reader.heading("Look into your mailbox")
    reader.look("look into your mailbox")
    reader.read_mail("Please confirm: Letters")
    reader.look("caught mail")
    reader.page.locator('a[href*="/confirm/"]').first.press("Enter")
    reader.heading("Confirm your subscription")
    reader.look("confirm")
    reader.press("Confirm my subscription")
    reader.heading("You are subscribed")
    reader.look("confirmed")


def test_people_come_from_a_file(owner: Visit) -> None:
    owner.press("Imports")
    owner.look("no imports")
    owner.press("Import people")
    owner.heading("Import people")
    owner.page.get_by_label("CSV file").set_input_files(
        {"name": "people.csv", "mimeType": "text/csv", "buffer": people_csv()}
    )
    owner.look("upload")
    owner.press("Upload file")
    owner.heading("What do the columns mean?")
    expect(owner.page.get_by_label("E-mail goes to")).to_have_value("email")
    expect(owner.page.get_by_label("First name goes to")).to_have_value("first_name")
    owner.look("columns")
    owner.press("Try the first rows")
    owner.says("nothing is stored yet")
    owner.look("import preview")
    owner.fill(How_did_these_people_agree="Signed up at the market")
    owner.page.get_by_label("Everybody in this file has agreed").check()
    owner.press("Import people")
    owner.heading("Import of people.csv")
    owner.says(f"All {PEOPLE + 2} rows of the file are done.")
    owner.look("import result")
    with owner.page.expect_download() as rows:
        owner.press("Download rows not taken")
    assert "no address" in Path(rows.value.path()).read_text()
    owner.press("See the people")
    owner.says(f"{PEOPLE + 1} people")
    owner.look("people")
    owner.page.get_by_label("Address or name").fill("rosa")
    owner.says("1 person")
    owner.press(READER)
    owner.heading("Rosa")
    owner.look("person")


def test_a_letter_is_written(owner: Visit) -> None:
    owner.press("Templates")
    owner.heading("Templates")
    owner.look("templates")
    owner.press("Campaigns")
    owner.look("no campaigns")
    owner.press("Create campaign")
    owner.heading("Create campaign")
    owner.page.locator(".card", has_text="Plain letter").click(position={"x": 40, "y": 40})
    expect(owner.page.get_by_role("radio", name="Plain letter")).to_be_checked()
    owner.look("create campaign")
    owner.fill(Name=SPRING)
    owner.press("Create campaign")
    owner.heading(SPRING)
    preview_says(owner, "Write here as you would write to one person.")
    owner.look("content")
    write(owner, MISTAKEN)
    line = MISTAKEN.splitlines().index("        <mj-txt>") + 1
    mistake = owner.page.get_by_role("button", name=re.compile(f"^Line {line}:9 "))
    expect(mistake).to_contain_text("mj-txt")
    owner.look("content with a mistake")
    mistake.click()
    expect(owner.page.locator(".cm-content")).to_be_focused()
    write(owner, LETTER)
    owner.says("The preview is up to date.")
    preview_says(owner, "The doves are back.")
    subject_by_keyboard(owner)
    owner.fill(Preview_text="How they found their way")
    owner.press("Save and preview")
    owner.says("Saved.")
    preview_says(owner, "Hello Robin,")
    owner.press("Settings", within="Parts of the campaign")
    owner.fill(Sender="Ada of the Dovecote")
    owner.look("campaign settings")
    owner.press("Save settings")
    owner.says("Saved.")


def test_its_audience_is_divided(owner: Visit) -> None:
    owner.press("Audience", within="Parts of the campaign")
    owner.page.get_by_role("checkbox", name="Letters").first.check()
    owner.press("Save and count")
    owner.says(f"{PEOPLE + 1} people get it")
    owner.look("audience")
    owner.press("Cells")
    owner.press("2")
    owner.page.get_by_label("Subject").nth(1).fill("The doves are back")
    owner.page.get_by_label("Held out, in percent").fill("10")
    owner.page.get_by_label("Share in percent").nth(1).fill("half")
    owner.press("Save cells")
    owner.says("“half” is not a share: write a number of percent.")
    owner.look("cells with an error")
    owner.page.get_by_label("Share in percent").nth(1).fill("50")
    owner.press("Save cells")
    owner.says("Saved.")
    owner.says("Held out")
    owner.look("cells")
    owner.press("Preview")
    preview_says(owner, "The doves are back.")
    owner.look("preview")
    owner.press("Plain text")
    owner.says("Read how they came home")
    owner.look("preview as text")


def test_the_review_stops_it_once(owner: Visit) -> None:
    owner.press(SPRING)
    owner.press("Review and send")
    owner.says("One thing stops it")
    owner.look("review that stops it")
    owner.page.get_by_role("link", name=re.compile("^Fix ?: The workspace has no postal address")).click()
    owner.heading("Settings")
    expect(owner.page.get_by_label("Postal address")).to_be_focused()
    owner.fill(Postal_address=ADDRESS)
    owner.press("Save settings")
    owner.says("Saved.")
    owner.press("Campaigns")
    owner.look("campaigns with a draft")
    owner.press(SPRING)
    owner.press("Review and send")
    owner.fill(Send_a_test_to="ada@example.com")
    owner.press("Send test")
    owner.says("The test is on its way to ada@example.com.")
    owner.look("review")
    review = owner.page.url
    owner.read_mail("[Test]")
    owner.says("The doves are back.")
    owner.says(ADDRESS)
    owner.page.goto(review)


def test_it_goes_out(owner: Visit, line: SlowLine) -> None:
    line.rate = 20_000
    people = confirm(owner, SPRING)
    owner.look("hold")
    owner.press("Undo")
    owner.says("Undone: it is a draft again. Nothing was sent.")
    assert confirm(owner, SPRING) == people
    owner.press("Send now")
    expect(owner.page.get_by_text(re.compile(r"^\s*[1-9]\d* mails? (is|are) sent"))).to_be_visible(timeout=30_000)
    owner.look("under way")
    owner.press("Pause")
    owner.says("Paused by Ada Palmer.")
    owner.says("Nothing goes out, since")
    owner.look("paused")
    owner.press("Home")
    owner.says("Paused by Ada Palmer.")
    owner.look("home while paused")
    owner.press(SPRING)
    owner.press("Cancel the rest")
    owner.look("cancel the rest")
    owner.press("Keep it")
    line.rate = None
    owner.press("Resume")
    expect(owner.page.locator(".page-title .pill")).to_have_text("Finished", timeout=60_000)
    owner.says(f"{people} of {people}")
    owner.look("finished")


def test_a_reader_reads_and_leaves(reader: Visit, owner: Visit) -> None:
    reader.page.goto(reader.house.catcher)
    reader.look("caught mails")
    mail = reader.page.get_by_role("row").filter(has_text=re.compile("The doves are back")).first
    address = mail.get_by_role("cell").nth(1).inner_text()
    name = address.partition("-")[0].title()
    mail.get_by_role("link").click()
    found = reader.page.locator("ul a").evaluate_all("links => links.map((link) => link.href)")
    links = {urlsplit(link).path[:3]: link for link in found}
    raw = urlopen(f"{reader.page.url}/raw", timeout=10).read().decode()  # noqa: S310 - our own, on loopback
    reader.page.goto(links["/v/"])
    reader.says(f"Hello {name},")
    with reader.page.expect_request("https://www.example.com/story**"):
        reader.page.get_by_role("link", name="Read how they came home").click()
    reader.page.wait_for_url("chrome-error://**")  # nobody lives there
    reader.page.goto(links["/p/"])
    reader.look("preferences")
    reader.fill(Last_name="Luna")
    reader.press("Save my choice")
    reader.says(f"Saved: your name is {name} Luna.")
    reader.look("preferences saved")
    reader.page.goto(links["/u/"])
    reader.look("unsubscribe")
    reader.press("Unsubscribe")
    reader.heading("You are unsubscribed")
    reader.look("unsubscribed")
    reader.press("Undo")
    reader.heading("Undone")
    reader.look("undone")
    one_click = re.search(r"List-Unsubscribe:\s*<(http[^>]+)>", re.sub(r"\r?\n\s+", " ", raw), re.IGNORECASE)
    assert one_click
    answer = urlopen(Request(one_click[1], b"List-Unsubscribe=One-Click"), timeout=10)  # noqa: S310 - loopback
    assert answer.status == 200
    owner.press("Audience")
    owner.page.get_by_label("Address or name").fill(address)
    owner.says("1 person")
    owner.press(address)
    owner.heading(f"{name} Luna")
    owner.says("the mail program's button")
    until(lambda: bool(owner.page.reload()) and "Clicked" in owner.page.inner_text("main"), "the click on her page")
    owner.look("person after the campaign")


def test_the_report_adds_up(owner: Visit) -> None:
    owner.press("Reports")
    owner.look("reports")
    owner.press(SPRING)
    owner.says("Delivered")
    owner.says(f"{PEOPLE + 1}")
    owner.look("report")
    owner.page.get_by_role("link", name="Sent", exact=True).click()
    owner.heading(f"Ledger of {SPRING}")
    owner.look("people of a state")
    with owner.page.expect_download() as file:
        owner.press("Export as CSV")
    rows = Path(file.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert rows[0].startswith("address,state")
    assert all(",sent," in row for row in rows[1:])
    owner.press("Home")
    owner.look("home")
    owner.press("Campaigns")
    menu_by_keyboard(owner, SPRING)
    owner.look("campaigns")
    owner.press("Audience")
    owner.press("Suppressions")
    owner.look("suppressions")


@pytest.mark.parametrize("who", ["owner", "reader"])
def test_no_page_broke_a_rule(who: str, request: pytest.FixtureRequest) -> None:
    visitor: Visit = request.getfixturevalue(who)
    assert visitor.axe == {}
    assert visitor.wide == {}
    assert visitor.refused == []
