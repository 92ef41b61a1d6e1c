import { remember } from "./page.js";

/** The switch between light, dark and the system's choice. The server reads the cookie, so no page flashes. */
export function startTheme() {
  const choices = document.querySelector("[data-themes]");
  if (!choices) return;
  choices.hidden = false;
  choices.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) choose(choices, button.value);
  });
}

function choose(choices, theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of choices.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
  remember("theme", theme);
}
