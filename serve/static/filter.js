// What the reader wants to see -> which units match. Knows no element.

import { NO_TOPIC } from "./labels.js";
import { isFurniture, isUnsure } from "./report.js";

export class Filter {
  constructor() {
    this.furniture = false;
    this.context = false;
    this.clear();
  }

  clear() {
    this.roles = new Set();
    this.topics = new Set();
    this.states = new Set();
    this.query = "";
  }

  get active() {
    return Boolean(this.roles.size || this.topics.size || this.states.size || this.query);
  }

  toggle(kind, value) {
    const chosen = this[kind];
    if (!chosen.delete(value)) chosen.add(value);
  }

  // One cell of the matrix; null stands for any role or topic. The same cell again takes the filter back.
  toggleCell(role, topic) {
    const was = this.isCell(role, topic);
    this.roles = new Set(was || role === null ? [] : [role]);
    this.topics = new Set(was || topic === null ? [] : [topic]);
  }

  isCell(role, topic) {
    return only(this.roles, role) && only(this.topics, topic) && (this.roles.size || this.topics.size) > 0;
  }

  matches(unit) {
    if (isFurniture(unit) && !this.furniture) return false;
    const { role, topics } = unit.shown;
    if (this.roles.size && !this.roles.has(role)) return false;
    const own = topics.length ? topics : [NO_TOPIC];
    if (this.topics.size && !own.some((topic) => this.topics.has(topic))) return false;
    if (this.states.size && !this.matchesState(unit)) return false;
    return !this.query || unit.text.toLowerCase().includes(this.query.toLowerCase());
  }

  matchesState(unit) {
    return (this.states.has("unsure") && isUnsure(unit)) || (this.states.has("corrected") && unit.label !== null);
  }
}

function only(chosen, value) {
  return value === null ? chosen.size === 0 : chosen.size === 1 && chosen.has(value);
}

// "…执法…", "执法" -> pieces of the text, every second of them a hit
export function pieces(text, query) {
  if (!query) return [text];
  const [low, wanted, found] = [text.toLowerCase(), query.toLowerCase(), []];
  if (low.length !== text.length) return [text];  // characters that change length when lowered
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    found.push(text.slice(from, at), text.slice(at, at + wanted.length));
    from = at + wanted.length;
  }
  return [...found, text.slice(from)];
}
