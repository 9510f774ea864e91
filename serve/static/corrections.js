// Changes of labels -> stored corrections: shown at once, sent one by one for each unit, tried again when the network
// fails, shown as a conflict when somebody was quicker. Fires "change" with the unit in `detail`. Knows no element.

import { correct } from "./api.js";
import { sameLabel } from "./labels.js";
import { user } from "./settings.js";

const RETRY = 5_000;  // milliseconds

export class Corrections extends EventTarget {
  #undo = [];
  #pending = new Set();
  #timer = 0;

  get unsaved() {
    return [...this.#pending].filter((unit) => unit.state !== "saving").length;
  }

  get saving() {
    return this.#pending.size > this.unsaved;
  }

  get conflicts() {
    return [...this.#pending].filter((unit) => unit.state === "conflict");
  }

  // Also with the label that is shown already: that confirms it.
  change(unit, label) {
    if (unit.label && sameLabel(unit.shown, label) && !unit.conflict) return;
    this.#undo.push({ unit, before: unit.shown });
    this.#set(unit, label);
  }

  // Take the last change of these units back; gives its unit, or null where there is none.
  undo(units) {
    const last = [...this.#undo].reverse().find(({ unit }) => units.includes(unit));
    if (!last) return null;
    const { unit, before } = last;
    this.#undo = this.#undo.filter((change) => change !== last);
    if (unit.conflict) this.settle(unit, false);
    else this.#set(unit, before);
    return unit;
  }

  settle(unit, mine) {
    const { conflict } = unit;
    unit.conflict = null;
    this.#undo = this.#undo.filter((change) => change.unit !== unit);  // they lead back to before theirs
    if (mine) {
      this.#undo.push({ unit, before: { role: conflict.theirs.role, topics: conflict.theirs.topics } });
      this.#set(unit, conflict.mine);
    } else {
      this.#accept(unit, conflict.theirs);
      this.#tell(unit);
    }
  }

  retry() {
    clearTimeout(this.#timer);
    for (const unit of this.#pending) if (unit.state === "unsaved") this.#send(unit);
  }

  // Changes that are not saved yet, and those that can be undone, outlive a second reading of their document.
  carryOver(units) {
    const freshOf = (old) =>
      units.find((unit) => unit.sha256 === old.sha256 && unit.start === old.start && unit.end === old.end);
    for (const change of this.#undo) change.unit = freshOf(change.unit) || change.unit;
    for (const old of this.#pending) {
      const fresh = freshOf(old);
      if (!fresh || fresh === old) continue;
      this.#pending.delete(old);
      old.wanted = null;
      if (old.conflict) {
        this.#carryConflict(old.conflict, fresh);
      } else {
        fresh.revision = old.revision;  // what it was made upon: whoever came between is a conflict
        this.#set(fresh, old.shown);
      }
    }
  }

  #carryConflict({ theirs, mine }, unit) {
    const newest = unit.label && unit.label.revision > theirs.revision ? unit.label : theirs;
    const conflict = { theirs: newest, mine };
    Object.assign(unit, { conflict, revision: newest.revision, shown: mine, state: "conflict" });
    this.#pending.add(unit);
    this.#tell(unit);
  }

  // Resolves when nothing is on its way: it is stored, or waits for its person or for the network.
  async quiet() {
    while (this.saving) await new Promise((done) => this.addEventListener("change", done, { once: true }));
  }

  #set(unit, label) {
    unit.conflict = null;
    unit.shown = label;
    unit.wanted = label;
    this.#send(unit);
  }

  async #send(unit) {
    if (unit.sending) {  // goes on when the answer is there, with the revision that it brings
      this.#tell(unit);
      return;
    }
    unit.sending = true;
    this.#pending.add(unit);
    while (unit.wanted) {
      const label = unit.wanted;
      unit.wanted = null;
      unit.state = "saving";
      this.#tell(unit);
      try {
        const { start, end, revision } = unit;
        const [stored] = await correct(unit.sha256, user(), [{ start, end, ...label, revision }]);
        this.#accept(unit, stored, unit.wanted);
      } catch (problem) {
        this.#fail(unit, label, problem);
        break;
      }
    }
    unit.sending = false;
    this.#tell(unit);
  }

  #accept(unit, stored, newer = null) {
    unit.label = stored.revision ? stored : null;  // of revision 0 it is the model's
    unit.revision = stored.revision;
    if (newer) return;
    unit.shown = { role: stored.role, topics: stored.topics };
    unit.state = "";
    this.#pending.delete(unit);
  }

  #fail(unit, label, problem) {
    const mine = unit.wanted || label;
    const theirs = problem.code === "stale" && problem.body.current && problem.body.current[0];
    if (theirs) {
      unit.wanted = null;
      unit.revision = theirs.revision;
      if (sameLabel(theirs, mine)) {
        this.#accept(unit, theirs);
        return;
      }
      unit.conflict = { theirs, mine };
      unit.state = "conflict";
    } else {
      unit.wanted = mine;
      unit.state = "unsaved";
      unit.failure = problem;
      if (problem.passes) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.retry(), RETRY);
      }
    }
  }

  #tell(unit) {
    this.dispatchEvent(new CustomEvent("change", { detail: unit }));
  }
}
