// What every signed-in page loads. Each module improves a page that already works without it.
import htmx from "htmx.org";

import { watchConfirmations } from "./confirm.js";
import { watchCopyButtons } from "./copy.js";
import { startCountdowns } from "./countdown.js";
import { sendCsrfWith } from "./csrf.js";
import { openDialogs, watchDialogs } from "./dialog.js";
import { guardSubmits } from "./double-submit.js";
import { watchMenus } from "./menu.js";
import { watchMergeTags } from "./merge-tags.js";
import { stopWhenFinal } from "./polling.js";
import { watchRail } from "./rail.js";
import { startTheme } from "./theme.js";
import { watchToasts } from "./toast.js";
import { guardUnsaved } from "./unsaved.js";

document.documentElement.dataset.js = "on";
sendCsrfWith(document);
stopWhenFinal(document);
watchConfirmations();
watchCopyButtons();
watchDialogs();
guardSubmits();
watchMenus();
watchMergeTags();
watchRail();
startTheme();
watchToasts();
guardUnsaved();

htmx.onLoad((part) => {
  startCountdowns(part);
  openDialogs(part);
});
