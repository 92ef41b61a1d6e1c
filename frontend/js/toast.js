import { say } from "./page.js";

/** Messages get a way to dismiss them; failed htmx requests say so, with the id to quote. */
export function watchToasts() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-dismiss]");
    if (button) button.closest(".notice").remove();
  });
  for (const button of document.querySelectorAll("[data-dismiss]")) button.hidden = false;
  document.addEventListener("htmx:responseError", (event) => {
    const id = event.detail.xhr.getResponseHeader("X-Request-ID");
    show(say("requestFailed") + (id ? ` ${say("requestId", { id })}` : ""));
  });
  document.addEventListener("htmx:sendError", () => {
    if (!offline()) show(say("noConnection")).dataset.offline = "";
  });
  document.addEventListener("htmx:afterOnLoad", () => offline()?.remove());
}

/** Say something to people who listen to the page instead of looking at it. */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (!region) return;
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50); // an emptied region speaks the same words again
}

function show(text) {
  const toast = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
  toast.querySelector("[data-text]").textContent = text;
  toast.querySelector("[data-dismiss]").hidden = false;
  document.getElementById("toasts").replaceChildren(toast);
  return toast;
}

/** What says that there is no connection: said once, and not any more when there is one. */
function offline() {
  return document.querySelector("#toasts [data-offline]");
}
