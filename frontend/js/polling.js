/** Parts that poll (hx-trigger="every 1s") stop once the server has sent them marked data-final, and rest in hidden tabs. */
export function stopWhenFinal(root) {
  root.addEventListener("htmx:beforeRequest", (event) => {
    const polls = /\bevery\b/.test(event.target.getAttribute("hx-trigger") ?? "");
    if (polls && (document.hidden || isFinal(event.target) || isPressed(event.target))) event.preventDefault();
  });
  root.addEventListener("htmx:beforeSwap", (event) => {
    if (isPressed(event.target)) event.detail.shouldSwap = false;
  });
}

/** Whether a button of it is held down: swapped now, it would never see its click. */
function isPressed(part) {
  return part.matches(":has(:active)");
}

function isFinal(part) {
  return part.hasAttribute("data-final") || part.querySelector("[data-final]") !== null;
}
