// The sentences most worth looking at -> one card after the other, each with the inspector; a checked one makes room.

import { reviewNext } from "./api.js";
import { $, fill, h, sign } from "./dom.js";
import { labelWords, showInspector } from "./inspector.js";
import { ROLES, TOPICS, labelOf, toggleTopic, withRole } from "./labels.js";
import { unitOf } from "./report.js";
import { labelName, t } from "./strings.js";

const BATCH = 20;
const AROUND = 80;  // characters that the service gives before and after, where there are so many

const shortened = (text) => Array.from(text).length >= AROUND;
const percent = (score) => Math.round(100 * score);

// What the model was least sure of: between two roles, or whether a topic holds.
function doubtWords({ roles, topics }) {
  const [first, second] = [...ROLES].sort((one, other) => roles[other.name] - roles[one.name]);
  const certainty = (topic) => Math.abs(2 * topics[topic.name] - 1);
  const [topic] = [...TOPICS].sort((one, other) => certainty(one) - certainty(other));
  if (certainty(topic) < roles[first.name] - roles[second.name]) {
    return t("doubt_topic", { topic: labelName(topic), percent: percent(topics[topic.name]) });
  }
  const [sure, other] = [percent(roles[first.name]), percent(roles[second.name])];
  return t("doubt_role", { first: labelName(first), percent: sure, second: labelName(second), other });
}

function around(text) {
  return text.trim() && h("p.around", { lang: "zh-CN" }, text.trim().replace(/\s*\n\s*/g, "\n"));
}

export class Review {
  constructor(corrections, tell) {
    this.corrections = corrections;
    this.tell = tell;
    this.units = [];
    this.place = 0;
    this.ready = false;  // the units are there
    corrections.addEventListener("change", ({ detail }) => this.units.includes(detail) && this.redraw());
  }

  async open() {
    this.ready = false;
    fill($("#cards"), h("p.hint", null, t("loading")));
    const given = await reviewNext(BATCH).finally(() => fill($("#cards")));
    this.units = given.map((one, index) => unitOf(one.sha256, { ...one, unsure: true, source: null }, index));
    this.corrections.carryOver(this.units);
    this.place = 0;
    this.ready = true;
    this.redraw();
  }

  // The same from within the view: where it fails, the button stays.
  async openMore() {
    try {
      await this.open();
    } catch (problem) {
      if (!problem.words) throw problem;
      fill($("#cards"), h("p.hint", { role: "alert" }, problem.words), this.more());
    }
  }

  get current() {
    return this.units[this.place] || null;
  }

  redraw() {
    if (!this.ready) return;
    const unit = this.current;
    if (!unit) {
      fill($("#cards"), h("div.done", null, h("p", null, t("review_done")), this.more()));
      return;
    }
    const left = this.units.filter((one) => !one.label).length;
    const known = $("#review-inspector");
    const inspector = known || h("section.inspector", { id: "review-inspector", "aria-label": t("inspector") });
    const focused = inspector.contains(document.activeElement) ? document.activeElement : null;
    const sums = h("p.sums", { role: "status" }, t("review_left", { count: left }));
    fill($("#cards"), sums, this.card(unit), inspector, left === 0 && this.more());
    if (focused && focused.isConnected) focused.focus();
    showInspector(inspector, unit, this);
  }

  card(unit) {
    const role = labelOf(unit.shown.role);
    return h("article.card", null,
      h("p.where", null, h("a", { href: `#/report/${unit.sha256}/at${unit.start}` }, unit.name),
        unit.headings.map((heading) => h("span", { lang: "zh-CN" }, heading))),
      around(shortened(unit.before) ? `…${unit.before.replace(/^[\s，。；：、！？”’）》]+/, "")}` : unit.before),
      h("p.sentence", { class: `role-${role.id}`, lang: "zh-CN" }, sign(role.mark), unit.text),
      around(shortened(unit.after) ? `${unit.after}…` : unit.after),
      h("p.doubt", null, doubtWords(unit.scores)));
  }

  more() {
    return h("button.primary", { type: "button", onclick: () => this.openMore() }, t("review_more"));
  }

  change(unit, label) {
    this.corrections.change(unit, label);
    this.tell(t("set_to", { label: labelWords(unit.shown) }));
  }

  // What is confirmed is done with: the next one comes.
  confirm(unit) {
    this.corrections.change(unit, unit.shown);
    this.tell(t("confirmed", { label: labelWords(unit.shown) }));
    this.step(1);
  }

  settle(unit, mine) {
    this.corrections.settle(unit, mine);
  }

  undo() {
    const unit = this.corrections.undo(this.units);
    this.tell(unit ? t("undone", { label: labelWords(unit.shown) }) : t("nothing_to_undo"));
    if (unit) this.place = unit.index;
    this.redraw();
  }

  step(way) {
    this.place = Math.min(Math.max(this.place + way, 0), Math.max(this.units.length - 1, 0));
    this.redraw();
  }

  keys() {
    if (!this.ready) return {};
    const unit = this.current;
    return {
      next: () => this.step(1), previous: () => this.step(-1), unsure: () => this.step(1),
      role: (name) => unit && this.change(unit, withRole(unit.shown, name)),
      topic: (name) => unit && this.change(unit, toggleTopic(unit.shown, name)),
      confirm: () => unit && this.confirm(unit),
      undo: () => this.undo(),
    };
  }
}
