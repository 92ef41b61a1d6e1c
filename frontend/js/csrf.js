import { meta } from "./page.js";

/** Give every htmx request the CSRF token as a header: htmx sends the fields of a DELETE in the URL. */
export function sendCsrfWith(root) {
  root.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = meta("csrf-token");
  });
}
