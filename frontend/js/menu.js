/** <details class="menu"> closes on Escape, on a click elsewhere, and when the focus leaves it. */
export function watchMenus() {
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => closeAllBut(event.target.closest?.("details.menu")));
  document.addEventListener("focusin", (event) => closeAllBut(event.target.closest?.("details.menu")));
}

function closeAllBut(kept) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== kept) menu.open = false;
}
