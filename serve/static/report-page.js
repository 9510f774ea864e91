// One report on the page: text, filters, panel and inspector kept in line with each other and with the corrections.

import { exportDocument, readDocument, readInsight } from "./api.js";
import { $, $$, fill, h, later, save } from "./dom.js";
import { Filter } from "./filter.js";
import { showFilters, showMatching, updateFilters } from "./filters.js";
import { labelWords, showInspector } from "./inspector.js";
import { showCompleteness, showGist, showProblems } from "./insight.js";
import { toggleTopic, withRole } from "./labels.js";
import { Outline } from "./outline.js";
import { showCounts, showMatrix } from "./panel.js";
import { Report, isUnsure } from "./report.js";
import { ReportView } from "./report-view.js";
import { t } from "./strings.js";
import { tabs } from "./tabs.js";

export class ReportPage {
  constructor(corrections, tell) {
    this.corrections = corrections;
    this.tell = tell;  // say something in the status line
    this.report = null;
    this.insight = null;
    this.turn = 0;  // counts openings
    this.filter = new Filter();
    this.view = new ReportView($("#text"), (index) => this.select(index));
    this.outline = new Outline($("#outline"), this.view, (index) => this.goto(index));
    tabs($("#tabs"));
    this.readInsightSoon = later(700, () => this.showInsight());
    corrections.addEventListener("change", ({ detail }) => this.changed(detail));
    for (const button of $$("#report .panes button")) {
      button.addEventListener("click", () => this.showPane(button.dataset.pane));
    }
    for (const button of $$("#export [data-format]")) {
      button.addEventListener("click", () => this.export(button.dataset.format));
    }
    $("#print").addEventListener("click", () => window.print());
  }

  // `given`: the answer where it is at hand already; `anew`: read it again, others may have changed it
  async open(sha256, given, anew) {
    const same = this.report && this.report.sha256 === sha256;
    if (same && !given && !anew) return;
    if (!same) this.close(t("loading"));
    this.turn += 1;
    const { turn } = this;
    const answer = given || await this.read(sha256);
    if (turn !== this.turn) return;  // another one was asked for meanwhile
    this.report = new Report(answer);
    this.corrections.carryOver(this.report.units);
    this.insight = null;
    this.redraw();
    this.showInsight();
  }

  close(words) {
    this.report = null;
    this.filter = new Filter();
    this.view.selected = -1;
    $("#report").classList.add("loading");
    fill($("#name"), words);
    fill($("#about"));
  }

  async read(sha256) {
    try {
      return await readDocument(sha256);
    } catch (problem) {
      this.close(t(problem.status === 404 ? "not_found" : "not_opened"));
      throw problem;
    }
  }

  // Select the unit whose `what` (index, start) is `value`.
  find(what, value) {
    const unit = this.report.units.find((one) => one[what] === value);
    if (unit) this.select(unit.index);
  }

  // All of it anew, as after a change of language.
  redraw() {
    const { report } = this;
    if (!report) return;
    const { selected } = this.view;
    $("#report").classList.remove("loading");
    $("#report").classList.toggle("volatile", !report.stored);
    fill($("#name"), report.name);
    fill($("#about"), `${t("units", { count: report.units.length })} · ${t("model", { version: report.model })}`);
    document.title = `${report.title || report.name} · ${t("brand")}`;
    const notes = report.stored ? report.notes : [...report.notes, t("no_store")];
    $("#notes").hidden = !notes.length;
    fill($("#notes"), notes.map((note) => h("li", null, note)));
    for (const button of $$("#export [data-format]")) button.hidden = !report.stored;
    showFilters($("#filters"), report, this.filter, (change) => this.sieve(change));
    this.view.show(report);
    this.sieve(() => {});
    this.outline.show(report.sections);
    if (selected >= 0) this.view.select(selected, false);
    this.inspect();
    this.drawInsight();
  }

  sieve(change) {
    change();
    this.view.apply(this.filter);
    updateFilters($("#filters"), this.filter);
    this.count();
  }

  count() {
    showMatching($("#filters"), this.report, this.filter);
    showCounts($("#counts"), this.report, this.filter, (change) => this.sieve(change));
    showMatrix($("#matrix"), this.report, this.filter, (change) => this.sieve(change));
  }

  changed(unit) {
    if (!this.report || this.report.units[unit.index] !== unit) return;
    if (this.view.report !== this.report) return;  // about to be drawn
    this.view.update(unit.index);
    this.count();
    this.inspect();
    if (!unit.state) this.readInsightSoon();
  }

  get current() {
    return this.report && this.view.selected >= 0 ? this.report.units[this.view.selected] : null;
  }

  select(index) {
    this.view.select(index);
    this.outline.follow();
    this.inspect();
  }

  goto(index) {
    this.showPane("text");
    this.select(index);
  }

  inspect() {
    showInspector($("#inspector"), this.current, this, this.report ? this.report.stored : false);
  }

  // What the inspector's buttons and the keys do.
  change(unit, label) {
    if (!this.report.stored) return;
    this.corrections.change(unit, label);
    this.tell(t("set_to", { label: labelWords(unit.shown) }));
  }

  confirm(unit) {
    if (!this.report.stored) return;
    this.corrections.change(unit, unit.shown);
    this.tell(t("confirmed", { label: labelWords(unit.shown) }));
  }

  settle(unit, mine) {
    this.corrections.settle(unit, mine);
  }

  undo() {
    const unit = this.corrections.undo(this.report.units);
    this.tell(unit ? t("undone", { label: labelWords(unit.shown) }) : t("nothing_to_undo"));
    if (unit) this.select(unit.index);
  }

  step(way, fits) {
    const next = this.view.step(way, fits);
    if (next >= 0) this.select(next);
  }

  keys() {
    if (!this.report) return {};
    const unit = this.current && !this.view.elements[this.view.selected].hidden ? this.current : null;
    return {
      next: () => this.step(1), previous: () => this.step(-1), unsure: () => this.step(1, isUnsure),
      role: (name) => unit && this.change(unit, withRole(unit.shown, name)),
      topic: (name) => unit && this.change(unit, toggleTopic(unit.shown, name)),
      confirm: () => unit && this.confirm(unit),
      undo: () => this.undo(),
      search: () => $("#search").focus(),
      escape: () => this.escape(),
    };
  }

  escape() {
    if ($("#export").open) {
      $("#export").open = false;
      $("#export summary").focus();
    } else if (this.filter.active) {
      this.sieve(() => this.filter.clear());
    }
  }

  async showInsight() {
    const { report } = this;
    if (!report || !report.stored) return;
    if (!this.insight) this.hint(t("computing"));
    try {
      const insight = await readInsight(report.sha256);
      if (this.report === report) this.insight = insight;
    } catch (problem) {
      if (this.report === report) this.insight = { problem };
    }
    if (this.report === report) this.drawInsight();
  }

  drawInsight() {
    const { insight } = this;
    if (!insight) return;
    if (insight.problem) {
      this.hint(t("insight_failed"));
      return;
    }
    showGist($("#gist"), insight, (tab) => $(`#${tab}`).focus());
    showProblems($("#problems"), insight.answers, (unit) => this.goto(unit));
    showCompleteness($("#completeness"), insight.completeness, this.report.units, (unit) => this.goto(unit));
  }

  hint(words) {
    for (const root of [$("#gist"), $("#problems"), $("#completeness")]) fill(root, h("p.hint", null, words));
  }

  showPane(pane) {
    $("#report").dataset.pane = pane;
    for (const button of $$("#report .panes button")) {
      button.setAttribute("aria-pressed", String(button.dataset.pane === pane));
    }
  }

  async export(format) {
    $("#export").open = false;
    this.tell(t("exporting"));
    const { sha256, units } = this.report;
    await this.corrections.quiet();
    const count = units.filter((unit) => unit.state).length;
    try {
      const { blob, name } = await exportDocument(sha256, format);
      save(blob, name);
      this.tell(count ? t("exported_without", { name, count }) : t("exported", { name }));
    } catch (problem) {
      this.tell(problem.words);
    }
  }
}
