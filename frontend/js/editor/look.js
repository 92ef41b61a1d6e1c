import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const theme = EditorView.theme({
  "&": { fontSize: "var(--text-s)", color: "var(--ink)", backgroundColor: "var(--surface)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", minHeight: "24rem", maxHeight: "75dvb" },
  ".cm-content": { caretColor: "var(--wax)" },
  ".cm-cursor": { borderLeftColor: "var(--wax)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--sunk)", color: "var(--ink-soft)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in oklab, var(--hover) 45%, transparent)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": {
    backgroundColor: "var(--info-tint)",
  },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--good-tint)" },
  ".cm-merge-tag": { backgroundColor: "var(--wax-tint)", borderRadius: "3px" },
  ".cm-merge-tag, .cm-merge-tag span": { color: "var(--link)" },
  ".cm-panels, .cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--wax)", color: "var(--on-wax)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--sunk)", borderColor: "var(--line)", color: "var(--ink-soft)" },
});

const colours = HighlightStyle.define([
  { tag: tags.tagName, color: "var(--info)", fontWeight: "600" },
  { tag: tags.attributeName, color: "var(--ink-soft)" },
  { tag: [tags.attributeValue, tags.string], color: "var(--good)" },
  { tag: tags.comment, color: "var(--ink-soft)", fontStyle: "italic" },
  { tag: [tags.angleBracket, tags.definitionOperator], color: "var(--ink-soft)" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

/** The editor in the colours of the page, light and dark alike. */
export const look = [theme, syntaxHighlighting(colours)];
