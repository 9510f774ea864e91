// The service's insight -> problems beside the plans that answer them, and the required parts with their evidence.
// Tells which unit was asked for.

import { fill, h, sign } from "./dom.js";
import { labelOf } from "./labels.js";
import { inLanguage, labelName, t } from "./strings.js";

const SHOWN = 3;  // sentences of evidence before "more"

// Both in a line each, that leads to the sentences it was counted from.
export function showGist(root, { answers, completeness }, onTab) {
  const none = answers.filter((answer) => !answer.plans.length).length;
  const open = completeness.parts.filter((part) => part.state !== "found" && !part.optional).length;
  const line = (tab, words) => h("button.quote", { type: "button", onclick: () => onTab(tab) },
    h("span", null, words), sign("›"));
  fill(root,
    line("tab-problems", answers.length ? t("unanswered_count", { all: answers.length, none }) : t("problems_none")),
    line("tab-parts", open ? t("parts_open", { all: completeness.parts.length, open }) : t("missing_none")));
}

export function showProblems(root, answers, onPick) {
  const open = answers.filter((answer) => !answer.plans.length).length;
  fill(root, answers.length
    ? [h("p.sums", null, t("unanswered_count", { all: answers.length, none: open })),
      h("p.source", null, t("problems_hint")),
      h("ol.problems", null, answers.map((answer) => problem(answer, onPick)))]
    : h("p.hint", null, t("problems_none")));
}

function problem({ unit, text, topics, plans }, onPick) {
  return h("li", { class: plans.length ? "" : "open" },
    quote({ unit, text, mark: "▲", kind: "role-problem" }, onPick),
    topics.map((name) => h("span.chip", null, labelName(labelOf(name)))),
    plans.length
      ? h("ul.plans", { "aria-label": t("answered_by") }, plans.map((plan) => h("li", null,
        quote({ ...plan, mark: "→", kind: "role-plan" }, onPick), h("span.why", null, t(`why_${plan.why}`)))))
      : h("p.none", null, t("unanswered")));
}

function quote({ unit, text, mark, kind }, onPick) {
  return h("button.quote", { type: "button", class: kind, "data-goto": unit, onclick: () => onPick(unit) },
    mark && sign(mark), h("span", { lang: "zh-CN" }, text));
}

// Each part with what was found of its aspects; the sentences are shown, the judgement stays the reader's.
export function showCompleteness(root, { parts, source }, units, onPick) {
  fill(root, h("ol.parts", null, parts.map((part) => requiredPart(part, units, onPick))), h("p.source", null, source));
}

function requiredPart(part, units, onPick) {
  const name = inLanguage(part.name_zh, part.name_en);
  const named = part.aspects.length > 1;  // a single aspect says no more than its part
  return h("li", { class: part.state === "found" || part.optional ? "" : "open" },
    h("strong", null, name),
    part.aspects.map((aspect) => h("div.aspect", { class: aspect.state },
      named && h("span.name", null, inLanguage(aspect.name_zh, aspect.name_en)),
      h("span.found", null, foundWords(aspect, part.optional)),
      evidenceList(aspect.evidence, units, onPick))));
}

function foundWords({ state, evidence }, optional) {
  if (state === "missing") return t(optional ? "evidence_optional" : "evidence_none");
  return t(state === "hinted" ? "evidence_hints" : "evidence", { count: evidence.length });
}

function evidenceList(evidence, units, onPick) {
  const item = (piece) => h("li", null,
    quote({ unit: piece.unit, text: units[piece.unit].text, mark: "", kind: "" }, onPick),
    piece.cue && h("small", null, t(piece.above ? "cue_above" : "cue", { cue: piece.cue })));
  const rest = evidence.slice(SHOWN);
  const more = h("ul", null);
  const open = () => more.childElementCount || fill(more, rest.map(item));  // every achievement may be evidence
  return [
    h("ul", null, evidence.slice(0, SHOWN).map(item)),
    rest.length > 0 && h("details", { ontoggle: open }, h("summary", null, t("more", { count: rest.length })), more),
  ];
}
