const text = ["align", "color", "font-family", "font-size", "font-weight", "letter-spacing", "line-height"];
const box = ["background-color", "border", "border-radius", "css-class", "padding"];
const link = ["href", "name", "rel", "target", "title"];

const attributes = {
  mjml: ["lang", "dir", "owa"],
  "mj-head": [],
  "mj-title": [],
  "mj-preview": [],
  "mj-attributes": [],
  "mj-all": [...text, ...box],
  "mj-class": ["name", ...text, ...box],
  "mj-style": ["inline"],
  "mj-breakpoint": ["width"],
  "mj-body": ["background-color", "css-class", "width"],
  "mj-wrapper": [...box, "background-url", "full-width", "text-align"],
  "mj-section": [...box, "background-url", "background-size", "direction", "full-width", "text-align"],
  "mj-group": ["background-color", "css-class", "direction", "vertical-align", "width"],
  "mj-column": [...box, "inner-background-color", "vertical-align", "width"],
  "mj-text": [...text, "css-class", "padding", "container-background-color", "height"],
  "mj-button": [...text, ...box, ...link, "inner-padding", "text-decoration", "vertical-align", "width"],
  "mj-image": [...box, ...link, "align", "alt", "fluid-on-mobile", "height", "src", "srcset", "width"],
  "mj-divider": ["align", "border-color", "border-style", "border-width", "css-class", "padding", "width"],
  "mj-spacer": ["container-background-color", "css-class", "height", "padding"],
  "mj-hero": [...box, "background-height", "background-url", "background-width", "height", "mode", "width"],
  "mj-table": [...text, "border", "cellpadding", "cellspacing", "css-class", "padding", "table-layout", "width"],
  "mj-social": [...text, "css-class", "icon-size", "mode", "padding"],
  "mj-social-element": [...link, "alt", "background-color", "color", "icon-size", "src"],
  "mj-navbar": ["align", "base-url", "css-class", "hamburger", "padding"],
  "mj-navbar-link": [...text, ...link, "padding"],
  "mj-raw": [],
};

/** The elements and attributes offered while typing. The server checks them; this list only helps. */
export const tagNames = Object.entries(attributes).map(([name, names]) => ({
  name,
  top: name === "mjml",
  attributes: [...new Set(names)].map((attribute) => ({ name: attribute })),
}));
