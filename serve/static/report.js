// A document as the service gives it -> the report the page works on: units with their labels of now, paragraphs,
// counts. Knows no element and no endpoint.

import { NO_TOPIC, ROLES, TOPICS } from "./labels.js";

// A unit that can be corrected: what the model said, what a person said last, what is shown.
export function unitOf(sha256, given, index) {
  const model = { role: given.role, topics: given.topics };
  const label = given.label || null;
  return {
    ...given, sha256, index, model, label,
    shown: label ? { role: label.role, topics: label.topics } : model,
    wanted: null,    // a label that waits to be sent
    conflict: null,  // { theirs, mine } where somebody was quicker
    state: "",       // "", saving, unsaved, conflict
  };
}

export const isUnsure = (unit) => unit.unsure && !unit.label;
export const isFurniture = (unit) => Boolean(unit.source && unit.source.furniture);

export class Report {
  constructor(answer) {
    const { document, model, outline, units } = answer;
    this.sha256 = document.sha256;
    this.name = document.name;
    this.notes = document.notes;
    this.stored = document.stored;
    this.format = document.format;
    this.model = model.version;
    this.title = outline.title;
    this.sections = outline.sections;
    this.units = units.map((unit, index) => unitOf(document.sha256, unit, index));
    this.paragraphs = paragraphs(document.text, this.units);
  }

  // The units that figures are about: a page's own words only where they are asked for.
  counted(furniture) {
    return this.units.filter((unit) => furniture || !isFurniture(unit));
  }

  // role -> topic (or no topic, or "all") -> number of units, by the labels shown
  counts(furniture) {
    const topics = [...TOPICS.map((topic) => topic.name), NO_TOPIC, "all"];
    const counts = new Map(ROLES.map((role) => [role.name, new Map(topics.map((topic) => [topic, 0]))]));
    for (const { shown } of this.counted(furniture)) {
      const row = counts.get(shown.role);
      const own = shown.topics.length ? shown.topics : [NO_TOPIC];
      for (const topic of [...own, "all"]) row.set(topic, row.get(topic) + 1);
    }
    return counts;
  }

  // The indices of the headings above each unit, outermost first.
  headingsAbove(index) {
    const above = [];
    for (const { unit, level } of this.sections) {
      if (unit >= index) break;
      while (above.length && above[above.length - 1].level >= level) above.pop();
      above.push({ unit, level });
    }
    return above.map((section) => section.unit);
  }
}

// Units that stand on one line of the text are one paragraph; `gap` is the white space before a unit inside it.
function paragraphs(text, units) {
  const characters = Array.from(text);  // offsets count code points
  const all = [];
  let end = 0;
  for (const unit of units) {
    const gap = characters.slice(end, unit.start).join("");
    if (!all.length || /[\n\r\u2028\u2029]/.test(gap)) all.push([]);
    all[all.length - 1].push({ unit, gap: all[all.length - 1].length ? gap : "" });
    end = unit.end;
  }
  return all;
}
