import { xml } from "@codemirror/lang-xml";
import { lintGutter } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { EditorView, basicSetup } from "codemirror";

import { meta } from "../page.js";
import { look } from "./look.js";
import { mergeTags } from "./merge-tags.js";
import { Preview } from "./preview.js";
import { tagNames } from "./mjml-tags.js";

const PREVIEW_DELAY = 250; // milliseconds without a key before the server is asked

/** Turn a textarea into a CodeMirror editor with a live preview. The textarea keeps the text, so its form works as before. */
export function startEditor(area) {
  const preview = new Preview(area);
  let timer;
  const changed = EditorView.updateListener.of((update) => {
    if (!update.docChanged) return;
    area.value = update.state.doc.toString();
    area.dispatchEvent(new Event("input", { bubbles: true })); // autosave and the unsaved guard listen for this
    clearTimeout(timer);
    timer = setTimeout(() => preview.refresh(view), PREVIEW_DELAY);
  });
  const view = new EditorView({ state: EditorState.create({ doc: area.value, extensions: extensions(area, changed) }) });
  mount(area, view);
  preview.refresh(view);
  return view;
}

function extensions(area, changed) {
  return [
    EditorView.cspNonce.of(meta("csp-nonce")),
    basicSetup,
    xml({ elements: tagNames }),
    lintGutter(),
    look,
    mergeTags,
    EditorView.lineWrapping,
    EditorView.contentAttributes.of(named(area)),
    EditorState.readOnly.of(area.readOnly),
    keymap.of([{ key: "Mod-s", run: () => (area.form?.requestSubmit(), true), preventDefault: true }]),
    changed,
  ];
}

function named(area) {
  const label = area.labels?.[0];
  if (label) label.id ||= `${area.id}-label`;
  const described = area.getAttribute("aria-describedby");
  return {
    tabindex: "0",
    ...(label ? { "aria-labelledby": label.id } : { "aria-label": area.getAttribute("aria-label") ?? area.name }),
    ...(described ? { "aria-describedby": described } : {}),
  };
}

function mount(area, view) {
  const box = document.createElement("div");
  box.className = "editor";
  box.append(view.dom);
  area.before(box);
  area.hidden = true;
  area.labels?.[0]?.addEventListener("click", () => view.focus());
  area.addEventListener("merge-tag", (event) => {
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(event.detail), { userEvent: "input", scrollIntoView: true });
    view.focus();
  });
}
