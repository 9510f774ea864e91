// One unit -> the row of buttons that sets its role and topics, with what the model said and where it stands.
// Tells what was pressed; changes no label itself.

import { h, keycap, refill, sign } from "./dom.js";
import { ROLES, TOPICS, labelOf, sameLabel, toggleTopic, withRole } from "./labels.js";
import { labelName, list, t, when } from "./strings.js";

export function labelWords({ role, topics }) {
  return [labelName(labelOf(role)), list(topics.map((name) => labelName(labelOf(name))))].filter(Boolean).join(" · ");
}

export function placeWords(unit) {
  const { page, paragraph, table } = unit.source || {};
  const cell = table && { table: table[0], row: table[1], column: table[2] };
  const inPage = cell ? t("table", cell) : paragraph && t("paragraph", { paragraph });
  return list([page && t("page", { page }), inPage].filter(Boolean));
}

// `does`: change(unit, label), confirm(unit), undo(), settle(unit, mine), step(way); step may be missing
export function showInspector(root, unit, does, editable = true) {
  refill(root, unit ? [
    unit.conflict && conflict(unit, does),
    h("div.setters", null, roles(unit, does, editable), topics(unit, does, editable)),
    h("div.facts", null, facts(unit), h("div.acts", null, acts(unit, does, editable))),
  ] : h("p.hint", null, t("pick_one"), keycap("j")));
}

function roles(unit, does, editable) {
  return h("div.row", { role: "group", "aria-label": t("role") }, ROLES.map((role) => setter({
    label: role, kind: `role-${role.id}`, mark: role.mark, editable,
    pressed: unit.shown.role === role.name,
    score: unit.scores.roles[role.name],
    press: () => does.change(unit, withRole(unit.shown, role.name)),
  })));
}

function topics(unit, does, editable) {
  return h("div.row", { role: "group", "aria-label": t("topic") }, TOPICS.map((topic) => setter({
    label: topic, kind: "topic", mark: "", editable,
    pressed: unit.shown.topics.includes(topic.name),
    score: unit.scores.topics[topic.name],
    press: () => does.change(unit, toggleTopic(unit.shown, topic.name)),
  })));
}

function setter({ label, kind, mark, editable, pressed, score, press }) {
  const level = h("span.level", { "aria-hidden": true });
  level.style.inlineSize = `${percent(score)}%`;
  const attributes = {
    type: "button", disabled: !editable, "aria-pressed": pressed, "aria-keyshortcuts": label.key, "data-key": label.id,
    title: t("probability", { percent: percent(score) }), class: kind, onclick: press,
  };
  return h("button.setter", attributes,
    mark && sign(mark), labelName(label),
    keycap(label.key), level);
}

function percent(score) {
  return Math.round(100 * (score ?? 0));
}

function facts(unit) {
  const score = unit.scores.roles[unit.model.role];
  const says = t("model_says", { label: labelWords(unit.model), percent: percent(score) });
  const by = unit.label && t("labelled_by", { user: unit.label.user || t("someone"), time: when(unit.label.time) });
  return h("p.said", null, [placeWords(unit), says, by].filter(Boolean).join(" · "));
}

function acts(unit, does, editable) {
  const act = (key, words, press, name) =>
    h("button.plain", { type: "button", onclick: press, "data-key": name }, words, key && keycap(key));
  return [
    editable && !unit.label && act("y", t("confirm"), () => does.confirm(unit), "confirm"),
    editable && !sameLabel(unit.shown, unit.model)
      && act("", t("revert"), () => does.change(unit, unit.model), "revert"),
    editable && act("u", t("undo"), () => does.undo(), "undo"),
    does.step && act("k", t("previous"), () => does.step(-1), "previous"),
    does.step && act("j", t("next"), () => does.step(1), "next"),
  ];
}

function conflict(unit, does) {
  const { theirs, mine } = unit.conflict;
  const time = theirs.time ? when(theirs.time) : "–";
  const who = { user: theirs.user || t("someone"), time, label: labelWords(theirs) };
  return h("div.conflict", { role: "alert" },
    h("strong", null, t("conflict")),
    h("span", null, t("conflict_theirs", who)),
    h("span", null, t("conflict_mine", { label: labelWords(mine) })),
    h("span.acts", null,
      h("button.plain", { type: "button", onclick: () => does.settle(unit, false) }, t("take_theirs")),
      h("button.plain", { type: "button", onclick: () => does.settle(unit, true) }, t("keep_mine"))));
}
