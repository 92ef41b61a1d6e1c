"""What the owner does more than once, or by keyboard alone."""

import re

from playwright.sync_api import expect

from tests.flows.visit import Visit

PASTE = """(editor, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  editor.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


def skip_to_the_content(visitor: Visit) -> None:
    """The first tab stop leads past the navigation."""
    visitor.page.reload()
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    visitor.page.keyboard.press("Enter")
    expect(visitor.page.locator("main")).to_be_focused()


def preview_says(visitor: Visit, text: str) -> None:
    """The mail in the preview says this."""
    frame = visitor.page.frame_locator("iframe#preview")
    expect(frame.get_by_text(text).first).to_be_visible(timeout=30_000)


def write(visitor: Visit, source: str) -> None:
    """Replace all that stands in the editor by what is in the clipboard."""
    visitor.page.locator(".cm-content").click()
    visitor.page.keyboard.press("Control+a")
    visitor.page.locator(".cm-content").evaluate(PASTE, source)


def subject_by_keyboard(visitor: Visit) -> None:
    """A personal subject without the mouse: the picker opens, takes words to fall back on, and gives the focus back."""
    subject = visitor.page.get_by_label("Subject", exact=True)
    subject.fill("")
    subject.focus()
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_text("Personal value into the subject")).to_be_focused()
    visitor.page.keyboard.press("Enter")
    fallback = visitor.page.get_by_label("If it is empty, write").first
    visitor.page.keyboard.press("Tab")
    expect(fallback).to_be_focused()
    visitor.look("content with the picker")
    fallback.fill("friend")
    visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.type(", the doves are back")
    expect(subject).to_have_value('{{ subscriber.first_name | fallback("friend") }}, the doves are back')


def confirm(visitor: Visit, campaign: str) -> int:
    """Say yes by keyboard; returns to how many people it goes."""
    send = visitor.page.get_by_role("link", name=re.compile(r"^Send to \d+ people now$"))
    people = int(re.sub(r"\D", "", send.inner_text()))
    send.press("Enter")
    visitor.heading(f"Send “{campaign}” now?")
    visitor.look("confirm the send")
    visitor.page.get_by_role("button", name=f"Send to {people} people").press("Enter")
    visitor.says("It is on hold.")
    return people


def menu_by_keyboard(visitor: Visit, campaign: str) -> None:
    """Open the menu of a campaign in the list and close it again."""
    opener = visitor.page.locator("summary", has=visitor.page.get_by_label(f"Actions for {campaign}"))
    opener.press("Enter")
    item = visitor.page.get_by_role("button", name="Duplicate")
    expect(item).to_be_visible()
    visitor.look("campaigns with a menu")
    if not item.is_visible():
        opener.press("Enter")
    visitor.page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(item).to_be_hidden()
