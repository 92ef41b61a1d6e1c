import { remember } from "./page.js";

/** The button that makes the rail slim, and keeps it so on the next page. */
export function watchRail() {
  const button = document.querySelector("[data-rail-toggle]");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    const slim = document.body.dataset.rail !== "slim";
    document.body.dataset.rail = slim ? "slim" : "wide";
    button.setAttribute("aria-pressed", String(slim));
    remember("rail", document.body.dataset.rail);
  });
}
