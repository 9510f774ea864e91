// A row of tabs -> the one pane that is shown. Arrow keys move along the row, as its readers expect.

import { $, $$, arrows } from "./dom.js";

export function tabs(row) {
  const all = $$('[role="tab"]', row);
  const show = (chosen) => all.forEach((tab) => {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    $(`#${tab.getAttribute("aria-controls")}`).classList.toggle("away", tab !== chosen);
  });
  arrows(row, '[role="tab"]');
  for (const tab of all) {
    tab.addEventListener("click", () => show(tab));
    tab.addEventListener("focus", () => show(tab));
  }
  show(all[0]);
}
