// The page with an MJML editor loads this besides app.js.
import { startEditor } from "./editor/mjml.js";

for (const area of document.querySelectorAll('textarea[data-editor="mjml"]')) startEditor(area);
