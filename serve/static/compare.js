// Several reports -> one table: counts by role and topic, parts without evidence, problems without a plan.

import { compareDocuments } from "./api.js";
import { $, fill, h, sign } from "./dom.js";
import { ROLES, TOPICS } from "./labels.js";
import { inLanguage, labelName, t } from "./strings.js";

export class Compare {
  constructor() {
    this.documents = [];
  }

  async open(all) {
    fill($("#table"), h("p.hint", null, t("loading")));
    this.documents = [];
    try {
      this.documents = await compareDocuments(all);
    } finally {
      this.redraw();
    }
  }

  redraw() {
    fill($("#table"), this.documents.length > 0 && h("table.comparison", null,
      h("thead", null,
        h("tr", null, head(t("report")), head(t("all_units"), "number"),
          ROLES.map((role, place) => head([sign(role.mark, `role-${role.id}`), labelName(role)], group(place))),
          TOPICS.map((topic, place) => head(labelName(topic), group(place))),
          head(t("unsure"), group(0)), head(t("corrected"), "number"),
          head(t("missing"), "first"), head(t("without_plan"), "first"))),
      h("tbody", null, this.documents.map(row))));
  }
}

function head(words, kind = "") {
  return h("th", { scope: "col", class: kind }, words);
}

// Columns that belong together; a line stands before the first of them.
const group = (place) => (place ? "number" : "number first");

function row({ sha256, name, title, corrected, summary, parts, unanswered }) {
  const number = (count, kind) => h("td", { class: `${kind} ${count ? "" : "zero"}` }, String(count));
  const missing = parts.filter((part) => part.state !== "found" && !part.optional);
  return h("tr", null,
    h("th", { scope: "row" },
      h("a", { href: `#/report/${sha256}` }, name),
      title && title !== name && h("small", { lang: "zh-CN" }, title),
      shares(summary)),
    number(summary.units, "number"),
    ROLES.map((role, place) => number(summary.roles[role.name], `${group(place)} role-${role.id}`)),
    TOPICS.map((topic, place) => number(summary.topics[topic.name], group(place))),
    number(summary.unsure, group(0)), number(corrected, "number"),
    h("td.first", null, missing.length
      ? h("ul.lacking", null, missing.map(lacking))
      : t("missing_none")),
    h("td.first", null, unanswered.length ? problems(sha256, unanswered) : t("none")));
}

// The same figures as a bar, for those who look from afar; the numbers stand beside it.
function shares({ roles, units }) {
  return h("span.shares", { "aria-hidden": true }, ROLES.map((role) => {
    const share = h("span", { class: `role-${role.id}` });
    share.style.inlineSize = `${units ? (100 * roles[role.name]) / units : 0}%`;
    return share;
  }));
}

function lacking({ name_zh, name_en, evidence }) {
  const found = t(evidence ? "evidence_some" : "evidence_none", { count: evidence });
  return h("li", null, inLanguage(name_zh, name_en), h("small", null, found));
}

function problems(sha256, unanswered) {
  return h("details", null,
    h("summary", null, t("without_plan_count", { count: unanswered.length })),
    h("ol", null, unanswered.map(({ unit, text }) =>
      h("li", null, h("a", { href: `#/report/${sha256}/u${unit}`, lang: "zh-CN" }, text)))));
}
