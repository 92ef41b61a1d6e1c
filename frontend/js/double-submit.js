/** A form is sent once: its buttons rest until the answer, or until the page is shown again by the back button. */
export function guardSubmits() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.hasAttribute("data-resubmit") || form.method === "dialog") return;
    if (form.dataset.sent) event.preventDefault();
    else if (form.method === "post") {
      form.dataset.sent = "yes";
      setTimeout(() => rest(form)); // after the browser has read the pressed button's name and value
    }
  });
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(wake));
}

function rest(form) {
  for (const button of buttons(form)) {
    if (button.disabled) continue;
    button.disabled = true;
    button.dataset.rests = "yes";
  }
}

function wake(form) {
  delete form.dataset.sent;
  for (const button of buttons(form)) {
    if (button.dataset.rests) button.disabled = false;
    delete button.dataset.rests;
  }
}

function buttons(form) {
  return [...form.elements].filter((element) => element.type === "submit");
}
