// A Report's counts -> bars of the roles and the matrix of role and topic, whose cells filter.

import { h, refill, sign } from "./dom.js";
import { NO_TOPIC, ROLES, TOPICS, labelOf } from "./labels.js";
import { isUnsure } from "./report.js";
import { labelName, t } from "./strings.js";

const DARKEST = 0.3;  // how much of the role's colour the fullest cell has; more would make its number hard to read
const COLUMNS = [...TOPICS.map((topic) => topic.name), NO_TOPIC];

export function showCounts(root, report, filter, onFilter) {
  const counts = report.counts(filter.furniture);
  const units = report.counted(filter.furniture);
  const rows = ROLES.map((role) => bar(role, counts.get(role.name).get("all"), units.length, {
    pressed: filter.isCell(role.name, null), press: () => onFilter(() => filter.toggleCell(role.name, null)),
  }));
  refill(root, h("div.bars", null, rows), h("p.sums", null,
    state("unsure", units.filter(isUnsure).length, filter, onFilter),
    state("corrected", units.filter((unit) => unit.label).length, filter, onFilter)));
}

function bar(role, count, all, { pressed, press }) {
  const percent = all ? Math.round((100 * count) / all) : 0;
  const level = h("span.level", { "aria-hidden": true });
  level.style.inlineSize = `${all ? (100 * count) / all : 0}%`;
  const words = t("of_all", { count, percent });
  const attributes = { type: "button", "aria-pressed": pressed, onclick: press, title: words, "data-key": role.id };
  return h("button.bar", { ...attributes, class: `role-${role.id}` },
    sign(role.mark),
    h("span.name", null, labelName(role)),
    h("span.track", { "aria-hidden": true }, level),
    h("span.count", null, String(count)));
}

function state(name, count, filter, onFilter) {
  const press = () => onFilter(() => filter.toggle("states", name));
  const attributes = { type: "button", "aria-pressed": filter.states.has(name), onclick: press, "data-key": name };
  return h("button.toggle", attributes, sign(name === "unsure" ? "?" : "✓"), `${t(name)} ${count}`);
}

export function showMatrix(root, report, filter, onFilter) {
  const counts = report.counts(filter.furniture);
  const all = report.counted(filter.furniture).length;
  const most = Math.max(1, ...ROLES.flatMap((role) => COLUMNS.map((topic) => counts.get(role.name).get(topic))));
  const sum = (topic) => ROLES.reduce((total, role) => total + counts.get(role.name).get(topic), 0);
  const cell = (role, topic, count) => matrixCell({ role, topic, count, share: count / most, filter, onFilter });
  refill(root, h("table.matrix", null,
    h("caption", null, t("matrix_hint")),
    h("thead", null, h("tr", null,
      h("td"), [...COLUMNS.map(topicWords), t("total")].map((words) => h("th", { scope: "col" }, words)))),
    h("tbody", null, ROLES.map((role) => h("tr", { class: `role-${role.id}` },
      h("th", { scope: "row" }, sign(role.mark), labelName(role)),
      COLUMNS.map((topic) => cell(role.name, topic, counts.get(role.name).get(topic))),
      cell(role.name, null, counts.get(role.name).get("all"))))),
    h("tfoot", null, h("tr", null, h("th", { scope: "row" }, t("total")),
      COLUMNS.map((topic) => cell(null, topic, sum(topic))), h("td.whole", null, String(all))))));
}

function topicWords(topic) {
  return topic === NO_TOPIC ? t("no_topic") : labelName(labelOf(topic));
}

function matrixCell({ role, topic, count, share, filter, onFilter }) {
  const words = t("cell", {
    role: role === null ? t("total") : labelName(labelOf(role)),
    topic: topic === null ? t("total") : topicWords(topic),
    count,
  });
  const attributes = {
    type: "button", "aria-label": words, "aria-pressed": filter.isCell(role, topic), title: words,
    "data-key": `${role ?? "*"}/${topic ?? "*"}`, onclick: () => onFilter(() => filter.toggleCell(role, topic)),
  };
  const level = h("span.level", { "aria-hidden": true });
  level.style.opacity = (DARKEST * share).toFixed(2);
  const shaded = role !== null && topic !== null && count > 0;
  return h("td", null, h("button", { ...attributes, class: count ? "" : "zero" }, shaded && level, String(count)));
}
