// A Report -> its text on the page: paragraphs of sentences with mark, tint, chips. Shows filter and selection.
// Tells which unit was picked; changes no label.

import { $, fill, h, sign, spoken } from "./dom.js";
import { pieces } from "./filter.js";
import { labelOf } from "./labels.js";
import { isFurniture, isUnsure } from "./report.js";
import { labelName, list, t } from "./strings.js";

const MARGIN = 96;  // pixels that filters and inspector may cover

export class ReportView {
  constructor(root, onPick) {
    this.root = root;
    this.report = null;
    this.selected = -1;
    root.addEventListener("click", (event) => {
      const element = event.target.closest(".unit");
      if (element && window.getSelection().isCollapsed) onPick(Number(element.dataset.unit));
    });
    root.addEventListener("keydown", (event) => {
      if (!event.target.matches(".unit") || (event.key !== "Enter" && event.key !== " ")) return;
      event.preventDefault();
      onPick(Number(event.target.dataset.unit));
    });
  }

  show(report) {
    this.report = report;
    this.selected = -1;
    this.query = "";
    this.visible = report.units.map((unit) => unit.index);
    this.filtered = new Set();
    this.title = report.units.findIndex((unit) => isTitle(report, unit));
    this.elements = report.units.map((unit) => unitElement(unit));
    this.lines = report.paragraphs.map((line) => paragraph(report, line, this.elements));
    fill(this.root, this.lines, h("p.nothing", { hidden: true }, t("none_match")));
    this.elements.forEach((_, index) => this.update(index));
    if (this.elements.length) this.elements[0].tabIndex = 0;
  }

  // The label of a unit has changed.
  update(index) {
    const unit = this.report.units[index];
    const element = this.elements[index];
    const role = labelOf(unit.shown.role);
    element.className = `unit role-${role.id}`;
    element.classList.toggle("unsure", isUnsure(unit));
    element.classList.toggle("corrected", Boolean(unit.label));
    element.classList.toggle("conflict", unit.state === "conflict");
    element.classList.toggle("unsaved", unit.state === "unsaved");
    element.classList.toggle("filtered", this.filtered.has(index));
    const topics = unit.shown.topics.map((name) => labelName(labelOf(name)));
    const states = [isUnsure(unit) && t("unsure"), unit.label && t("corrected")];
    const words = [labelName(role), ...topics, ...states].filter(Boolean);
    fill(element,
      spoken(`${list(words)}${t("colon")}`),
      sign(role.mark),
      h("span.words", null, this.words(index)),
      h("span.chips", { "aria-hidden": true },
        topics.map((name) => h("span.chip", null, name)),
        isUnsure(unit) && h("span.flag", { title: t("mark_unsure") }, "?"),
        unit.label && h("span.flag.sure", { title: t("mark_corrected") }, "✓"),
        unit.state === "unsaved" && h("span.flag.late", { title: t("mark_unsaved") }, "!")));
    this.current(index, index === this.selected);
  }

  // Show what matches. With context, the others stay, in grey.
  apply(filter) {
    const { units } = this.report;
    const matching = units.map((unit) => filter.matches(unit));
    const above = new Set(units.flatMap((_, index) => (matching[index] ? this.report.headingsAbove(index) : [])));
    this.filtered = new Set();
    this.visible = [];
    this.elements.forEach((element, index) => {
      const hidden = isFurniture(units[index]) && !filter.furniture;
      const stays = matching[index] || (!hidden && (filter.context || above.has(index)));
      element.hidden = !stays;
      if (!matching[index]) this.filtered.add(index);
      else this.visible.push(index);
      element.classList.toggle("filtered", !matching[index]);
    });
    this.lines.forEach((line, place) => {
      line.hidden = this.report.paragraphs[place].every(({ unit }) => this.elements[unit.index].hidden);
    });
    this.root.classList.toggle("sieved", filter.active && !filter.context);
    this.search(filter.query);
    $(".nothing", this.root).hidden = this.visible.length > 0;
  }

  search(query) {
    if (query === this.query) return;
    this.query = query;
    this.elements.forEach((element, index) => {
      const words = $(".words", element);
      const found = pieces(this.report.units[index].text, query);
      if (found.length > 1 || words.childElementCount) fill(words, this.words(index));
    });
  }

  words(index) {
    const { text } = this.report.units[index];
    return index === this.title && !this.query ? wholeWords(text) : highlighted(text, this.query);
  }

  select(index, focus = true) {
    if (this.selected >= 0) this.current(this.selected, false);
    this.selected = index;
    if (index < 0) return;
    this.current(index, true);
    const element = this.elements[index];
    for (const one of [element, element.closest(".line")]) one.hidden = false;  // asked for: shown whatever is filtered
    if (!focus) return;
    element.focus({ preventScroll: true });
    const { top, bottom } = element.getBoundingClientRect();
    if (top > MARGIN && bottom < window.innerHeight - 2 * MARGIN) return;  // in sight already
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    element.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  }

  current(index, is) {
    const element = this.elements[index];
    element.classList.toggle("selected", is);
    if (is) {
      for (const other of this.root.querySelectorAll('.unit[tabindex="0"]')) other.tabIndex = -1;
      element.setAttribute("aria-current", "true");
      element.tabIndex = 0;
    } else {
      element.removeAttribute("aria-current");
    }
  }

  // The next unit that is shown and fits, from the selected one on; -1 where there is none.
  step(way, fits = () => true) {
    const able = this.visible.filter((index) => fits(this.report.units[index]));
    if (way > 0) return able.find((index) => index > this.selected) ?? -1;
    return able.reverse().find((index) => index < this.selected) ?? -1;
  }
}

const isTitle = (report, unit) => unit.text === report.title && !unit.level;

function unitElement(unit) {
  return h("span.unit", { id: `u${unit.index}`, role: "button", tabindex: -1, "data-unit": unit.index });
}

// A title is broken between words, if the browser knows Chinese words: in large type a broken one reads badly.
function wholeWords(text) {
  if (!Intl.Segmenter) return text;
  const words = [];
  for (const { segment } of new Intl.Segmenter("zh", { granularity: "word" }).segment(text)) {
    if (/\d$/.test(words[words.length - 1])) words.push(words.pop() + segment);  // a number and what it counts
    else words.push(segment);
  }
  return words.map((word) => h("span.word", null, word));
}

function highlighted(text, query) {
  return pieces(text, query).map((piece, place) => (place % 2 ? h("mark", null, piece) : piece));
}

// A paragraph, or a heading of its level; a heading with text behind it on its line stays a paragraph.
function paragraph(report, line, elements) {
  const { unit } = line[0];
  const alone = line.length === 1;
  const title = alone && isTitle(report, unit);
  const level = Math.min(unit.level, 3);
  const tag = alone && (title || level) ? `h${title ? 2 : level + 2}` : "p";
  const kinds = [
    title && "title", level && `level${level}`, alone && level && "alone", isFurniture(unit) && "furniture",
    unit.source && unit.source.table && "cell",
  ].filter(Boolean);
  return h(`${tag}.line`, { class: kinds.join(" ") }, line.map((piece) => [piece.gap, elements[piece.unit.index]]));
}
