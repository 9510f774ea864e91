// A Filter -> the row of buttons and the search field that change it.

import { $, fill, h, later, sign } from "./dom.js";
import { NO_TOPIC, ROLES, TOPICS } from "./labels.js";
import { isFurniture } from "./report.js";
import { labelName, t } from "./strings.js";

// `onFilter` is given a change of the filter, to make and then show.
export function showFilters(root, report, filter, onFilter) {
  const toggle = (kind, value, words, look = "", mark = "") => h("button.toggle", {
    type: "button", class: look, "aria-pressed": filter[kind].has(value), "data-filter": `${kind}/${value}`,
    onclick: () => onFilter(() => filter.toggle(kind, value)),
  }, mark && sign(mark), words);
  const option = (name) => {
    const choose = (event) => onFilter(() => { filter[name] = event.target.checked; });
    return h("label.option", null, h("input", { type: "checkbox", checked: filter[name], onchange: choose }), t(name));
  };
  const search = later(150, (value) => onFilter(() => { filter.query = value.trim(); }));
  const clear = ({ detail }) => {
    onFilter(() => filter.clear());
    if (!detail) $("#search", root).focus();  // pressed by key: the button goes away under the focus
  };
  const more = h("button.plain.unfold", {
    type: "button", "aria-expanded": root.classList.contains("unfolded"),
    onclick: () => more.setAttribute("aria-expanded", String(root.classList.toggle("unfolded"))),
  }, t("filters"));
  fill(root,
    h("input.search", {
      id: "search", type: "search", value: filter.query, "aria-label": t("search"), placeholder: t("search_hint"),
      "aria-keyshortcuts": "/", oninput: (event) => search(event.target.value),
    }),
    more,
    h("div.row", { role: "group", "aria-label": t("role") },
      ROLES.map((role) => toggle("roles", role.name, labelName(role), `role-${role.id}`, role.mark))),
    h("div.row", { role: "group", "aria-label": t("topic") },
      TOPICS.map((topic) => toggle("topics", topic.name, labelName(topic))),
      toggle("topics", NO_TOPIC, t("no_topic"))),
    h("div.row", { role: "group", "aria-label": t("state") },
      toggle("states", "unsure", t("unsure"), "", "?"), toggle("states", "corrected", t("corrected"), "", "✓")),
    h("div.row", null, option("context"), report.units.some(isFurniture) && option("furniture")),
    h("p.matching", { id: "matching", role: "status" }),
    h("button.plain", { type: "button", id: "clear", onclick: clear }, t("clear")));
}

// Bring the buttons in line with the filter, keeping the focus and what is being typed.
export function updateFilters(root, filter) {
  for (const button of root.querySelectorAll("[data-filter]")) {
    const [kind, value] = button.dataset.filter.split("/");
    button.setAttribute("aria-pressed", String(filter[kind].has(value)));
  }
  const search = $("#search", root);
  if (search !== document.activeElement || !filter.active) search.value = filter.query;
  root.classList.toggle("active", filter.active);
}

export function showMatching(root, report, filter) {
  const all = report.counted(filter.furniture);
  const count = all.filter((unit) => filter.matches(unit)).length;
  $("#matching", root).textContent = t("matching", { count, all: all.length });
}
