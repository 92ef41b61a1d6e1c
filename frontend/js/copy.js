import { announce } from "./toast.js";
import { say } from "./page.js";

/** Buttons with data-copy="#id" put that element's text on the clipboard. */
export function watchCopyButtons() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    const text = source.value ?? source.textContent;
    try {
      await navigator.clipboard.writeText(text.trim());
      confirmOn(button);
    } catch {
      select(source); // no clipboard on plain http: leave the text selected for Ctrl+C
      announce(say("copyByHand"));
    }
  });
}

function confirmOn(button) {
  const label = button.querySelector(".label");
  button.dataset.said ??= label.textContent;
  label.textContent = say("copied");
  announce(say("copied"));
  setTimeout(() => (label.textContent = button.dataset.said), 2000);
}

function select(source) {
  if (source.select) source.select();
  else getSelection().selectAllChildren(source);
}
