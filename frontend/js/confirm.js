/** Forms with data-confirm-count="12431" act only once that number is typed; the server checks it as well. */
export function watchConfirmations() {
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-confirm-count]");
    if (form && event.target.matches("[data-typed-count]")) update(form, event.target);
  });
  for (const input of document.querySelectorAll("form[data-confirm-count] [data-typed-count]")) {
    update(input.form, input);
  }
}

function update(form, input) {
  const matches = input.value.replace(/\D/g, "") === form.dataset.confirmCount;
  for (const button of form.querySelectorAll("[data-needs-count]")) button.disabled = !matches;
}
