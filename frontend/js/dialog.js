/** Links with data-dialog="id" open that <dialog> in place; without this module they lead to the page that does the same. */
export function watchDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-dialog]");
    const dialog = opener && document.getElementById(opener.dataset.dialog);
    if (dialog && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      open(dialog);
    }
    const closer = event.target.closest?.("[data-close]");
    if (closer?.closest("dialog")) {
      event.preventDefault();
      closer.closest("dialog").close();
    }
  });
}

/** Open dialogs that arrive ready to be seen: <dialog data-open>. */
export function openDialogs(root) {
  for (const dialog of root.querySelectorAll("dialog[data-open]")) if (!dialog.open) open(dialog);
}

// The safe way out is the first stop: Enter pressed in haste must not send.
function open(dialog) {
  dialog.showModal();
  dialog.querySelector(".dialog-actions [data-close]")?.focus();
}
