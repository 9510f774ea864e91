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
    this.documents = await compareDocuments(all);
    this.redraw();
  }

  redraw() {
    fill($("#table"), h("table.comparison", null,
      h("thead", null,
        h("tr", null, head(t("report")), head(t("all_units")),
          ROLES.map((role) => head([sign(role.mark, `role-${role.id}`), labelName(role)])),
          TOPICS.map((topic) => head(labelName(topic))),
          head(t("unsure")), head(t("corrected")), head(t("missing")), head(t("without_plan")))),
      h("tbody", null, this.documents.map(row))));
  }
}

function head(words) {
  return h("th", { scope: "col" }, words);
}

function row({ sha256, name, title, corrected, summary, parts, unanswered }) {
  const number = (count, kind = "") => h("td.number", { class: count ? kind : "zero" }, String(count));
  const missing = parts.filter((part) => part.state !== "found" && !part.optional);
  return h("tr", null,
    h("th", { scope: "row" },
      h("a", { href: `#/report/${sha256}` }, name),
      title && title !== name && h("small", null, title)),
    number(summary.units),
    ROLES.map((role) => number(summary.roles[role.name], `role-${role.id}`)),
    TOPICS.map((topic) => number(summary.topics[topic.name])),
    number(summary.unsure), number(corrected),
    h("td", null, missing.length
      ? h("ul.lacking", null, missing.map(lacking))
      : t("missing_none")),
    h("td", null, unanswered.length ? problems(sha256, unanswered) : t("none")));
}

function lacking({ name_zh, name_en, evidence }) {
  const found = t(evidence ? "evidence_hints" : "evidence_none", { count: evidence });
  return h("li", null, inLanguage(name_zh, name_en), h("small", null, found));
}

function problems(sha256, unanswered) {
  return h("details", null,
    h("summary", null, String(unanswered.length)),
    h("ol", null, unanswered.map(({ unit, text }) =>
      h("li", null, h("a", { href: `#/report/${sha256}/u${unit}` }, text)))));
}
