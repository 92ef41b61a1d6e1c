import { announce } from "./toast.js";
import { say } from "./page.js";

const SPOKEN = [30, 10, 0];

/** <p data-countdown="30"> counts the seconds the server left it; spoken at 30, 10 and 0 only, then the page asks again. */
export function startCountdowns(root) {
  const found = [...root.querySelectorAll("[data-countdown]")];
  if (root.matches?.("[data-countdown]")) found.push(root);
  for (const part of found) if (!part.dataset.counting) start(part);
}

function start(part) {
  part.dataset.counting = "yes";
  const end = performance.now() + Number(part.dataset.countdown) * 1000;
  let spoken = Infinity;
  const tick = () => {
    if (!part.isConnected) return;
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    part.textContent = part.dataset.clock === "mm:ss" ? minutes(left) : left;
    const due = SPOKEN.find((second) => left === second && second < spoken);
    if (due !== undefined) {
      spoken = due;
      announce(say(due ? "secondsLeft" : "timeIsUp", { n: due }));
    }
    if (left > 0) setTimeout(tick, 250);
    else if (part.dataset.then === "reload") setTimeout(() => location.reload(), 1200);
  };
  tick();
}

function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
