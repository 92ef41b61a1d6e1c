import { Decoration, MatchDecorator, ViewPlugin } from "@codemirror/view";

const tag = Decoration.mark({ class: "cm-merge-tag" });
const matcher = new MatchDecorator({ regexp: /\{\{.*?\}\}|\{%.*?%\}/g, decoration: tag });

/** Personal values and conditions stand out from the markup around them. */
export const mergeTags = ViewPlugin.define(
  (view) => ({
    decorations: matcher.createDeco(view),
    update(update) {
      this.decorations = matcher.updateDeco(update, this.decorations);
    },
  }),
  { decorations: (plugin) => plugin.decorations },
);
