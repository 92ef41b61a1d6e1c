/** Buttons with data-insert="{{ … }}" put that text at the cursor of the field their picker names by data-into="#id". */
export function watchMergeTags() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-insert]");
    if (!button) return;
    const field = document.querySelector(button.closest("[data-into]").dataset.into);
    const text = withFallback(button);
    const taken = !field.dispatchEvent(new CustomEvent("merge-tag", { detail: text, cancelable: true }));
    if (!taken) insert(field, text);
    button.closest("details")?.removeAttribute("open");
  });
}

// A tag that demands a fallback reads it from the picker's own field.
function withFallback(button) {
  const given = button.closest("[data-into]").querySelector("[data-fallback]")?.value ?? "";
  const safe = given.replace(/["\\{}%]/g, "");
  return button.dataset.insert.replace("FALLBACK", safe);
}

function insert(field, text) {
  field.focus();
  field.setRangeText(text, field.selectionStart ?? 0, field.selectionEnd ?? 0, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
