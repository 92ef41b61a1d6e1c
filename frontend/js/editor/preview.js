import { setDiagnostics } from "@codemirror/lint";

import { meta, say } from "../page.js";

/** Asks the server what the source looks like: {ok, errors: [{line, column, message}], html_url}. */
export class Preview {
  #request;
  #revision = 0;

  constructor(area) {
    this.url = area.dataset.previewUrl;
    this.frame = document.querySelector(area.dataset.previewTarget);
    this.problems = document.querySelector(area.dataset.problemsTarget);
    this.status = document.querySelector(area.dataset.statusTarget);
  }

  async refresh(view) {
    if (!this.url) return;
    this.#request?.abort();
    this.#request = new AbortController();
    try {
      this.#show(await this.#ask(view.state.doc.toString(), this.#request.signal), view);
    } catch (error) {
      if (error.name !== "AbortError") this.#say(say("previewFailed"));
    }
  }

  async #ask(source, signal) {
    const answer = await fetch(this.url, {
      method: "POST",
      body: new URLSearchParams({ source }),
      headers: { Accept: "application/json", "X-CSRFToken": meta("csrf-token") },
      signal,
    });
    if (!answer.ok && answer.status !== 422) throw new Error(`preview answered ${answer.status}`);
    return answer.json();
  }

  #show({ ok, errors = [], html_url: url }, view) {
    view.dispatch(setDiagnostics(view.state, errors.map((error) => diagnostic(view.state.doc, error))));
    this.problems?.replaceChildren(...errors.map((error) => problem(view, error)));
    if (url && this.frame) this.frame.src = `${url}${url.includes("?") ? "&" : "?"}rev=${++this.#revision}`;
    this.#say(ok && !errors.length ? say("previewFresh") : say("problems", { n: errors.length }));
  }

  #say(text) {
    if (this.status && this.status.textContent !== text) this.status.textContent = text;
  }
}

function diagnostic(doc, { line, column, message, severity = "error" }) {
  const at = position(doc, line, column);
  return { from: at, to: Math.min(doc.lineAt(at).to, at + 1), severity, message };
}

function problem(view, error) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.append(element("span", say("line", { line: error.line ?? 1, column: error.column ?? 1 })));
  button.append(element("span", error.message));
  button.addEventListener("click", () => {
    view.dispatch({ selection: { anchor: position(view.state.doc, error.line, error.column) }, scrollIntoView: true });
    view.focus();
  });
  item.append(button);
  return item;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

// The server counts lines and columns from 1, and may speak of a text that has changed meanwhile.
function position(doc, line, column) {
  const found = doc.line(Math.min(Math.max(1, line ?? 1), doc.lines));
  return Math.min(found.from + Math.max(0, (column ?? 1) - 1), found.to);
}
