// A Report's headings -> the list beside the text, which shows where in the text one is. Tells which was asked for.

import { $$, fill, h } from "./dom.js";
import { t } from "./strings.js";

const HERE = 0.55;  // of the window's height: what stands above has begun

export class Outline {
  constructor(root, view, onPick) {
    this.root = root;
    this.view = view;
    this.onPick = onPick;
    this.sections = [];
    this.place = -1;
    let drawn = true;
    window.addEventListener("scroll", () => {
      if (drawn) requestAnimationFrame(() => { drawn = true; this.follow(); });
      drawn = false;
    }, { passive: true });
  }

  show(sections) {
    this.sections = sections;
    this.place = -1;
    const entry = ({ unit, level, text }) => h("li", { class: `level${Math.min(level, 3)}` },
      h("button.quote", { type: "button", lang: "zh-CN", onclick: () => this.onPick(unit) }, text));
    fill(this.root, sections.length > 0 && [h("h2", null, t("outline")), h("ol", null, sections.map(entry))]);
    this.follow();
  }

  // Mark the section of the selected sentence if that is in sight, else the one that is being read.
  follow() {
    const { elements, selected } = this.view;
    const top = (index) => elements[index].getBoundingClientRect().top;
    const chosen = selected >= 0 && top(selected) > 0 && top(selected) < window.innerHeight;
    const begun = ({ unit }) => (chosen ? unit <= selected : top(unit) < HERE * window.innerHeight);
    let place = this.root.offsetParent ? this.sections.length - 1 : -1;
    while (place >= 0 && !(elements[this.sections[place].unit].offsetParent && begun(this.sections[place]))) place -= 1;
    if (place === this.place) return;
    const entries = $$("button", this.root);
    entries[this.place]?.removeAttribute("aria-current");
    entries[place]?.setAttribute("aria-current", "true");
    this.place = place;
    if (entries[place]) this.reveal(entries[place]);
  }

  reveal(entry) {
    const { top, bottom } = this.root.getBoundingClientRect();
    const at = entry.getBoundingClientRect();
    if (at.top < top || at.bottom > bottom) this.root.scrollTop += at.top - (top + bottom) / 2;
  }
}
