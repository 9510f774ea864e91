// The sentences most worth looking at -> one card after the other, each with the inspector; a checked one makes room.

import { reviewNext } from "./api.js";
import { $, fill, h, sign } from "./dom.js";
import { labelWords, showInspector } from "./inspector.js";
import { labelOf, toggleTopic, withRole } from "./labels.js";
import { unitOf } from "./report.js";
import { t } from "./strings.js";

const BATCH = 20;

export class Review {
  constructor(corrections, tell) {
    this.corrections = corrections;
    this.tell = tell;
    this.units = [];
    this.place = 0;
    corrections.addEventListener("change", ({ detail }) => this.units.includes(detail) && this.redraw());
  }

  async open() {
    fill($("#cards"), h("p.hint", null, t("loading")));
    const given = await reviewNext(BATCH);
    this.units = given.map((one, index) => unitOf(one.sha256, { ...one, unsure: true, source: null }, index));
    this.place = 0;
    this.redraw();
  }

  get current() {
    return this.units[this.place] || null;
  }

  redraw() {
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
        unit.headings.map((heading) => h("span", null, heading)),
        h("span.fact", null, t("margin", { percent: Math.round(100 * unit.margin) }))),
      unit.before && h("p.around", null, unit.before),
      h("p.sentence", { class: `role-${role.id}` }, sign(role.mark), unit.text),
      unit.after && h("p.around", null, unit.after));
  }

  more() {
    return h("button.primary", { type: "button", onclick: () => this.open() }, t("review_more"));
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
    const unit = this.corrections.undo();
    this.tell(unit ? t("undone", { label: labelWords(unit.shown) }) : t("nothing_to_undo"));
    if (unit && this.units.includes(unit)) this.place = unit.index;
    this.redraw();
  }

  step(way) {
    this.place = Math.min(Math.max(this.place + way, 0), Math.max(this.units.length - 1, 0));
    this.redraw();
  }

  keys() {
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
