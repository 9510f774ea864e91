// Names, attributes and children -> elements. The only place that makes elements; never parses HTML from strings.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// h("button.chip", { type: "button", onclick: f, "aria-pressed": false }, "text", [more, null])
export function h(kind, attributes, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes || {})) set(element, name, value);
  append(element, children);
  return element;
}

function set(element, name, value) {
  if (value === undefined || value === null) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "class") element.classList.add(...value.split(" ").filter(Boolean));
  else if (typeof value === "boolean" && !name.startsWith("aria-") && !name.startsWith("data-")) {
    element.toggleAttribute(name, value);
  } else element.setAttribute(name, String(value));
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

// The same, for what is drawn again while it is used: the focus stays on the element with the same data-key. Where that
// is gone it stays on the whole, not on another button: a second press of the key must not press what nobody chose.
export function refill(element, ...children) {
  const active = document.activeElement;
  const held = element.contains(active);
  fill(element, children);
  if (!held) return;
  element.tabIndex = -1;
  const same = $$("[data-key]", element).find((one) => one.dataset.key === active.dataset.key);
  (same || element).focus({ preventScroll: true });
}

// A mark or a key beside words that say the same.
export const sign = (mark, kind = "") => h("span.mark", { "aria-hidden": true, class: kind }, mark);
export const keycap = (key) => h("kbd", { "aria-hidden": true }, key);

// Hidden from sight, read aloud in the page's language; never copied with the text around it.
export function spoken(text) {
  return h("span.sr", { lang: document.documentElement.lang }, text);
}

export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

export function later(milliseconds, work) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), milliseconds);
  };
}

// Move by keyboard from tab to tab, or from button to button, of one row.
export function arrows(row, selector) {
  row.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = $$(selector, row);
    const place = all.indexOf(document.activeElement);
    if (!step || place < 0) return;
    event.preventDefault();
    all[(place + step + all.length) % all.length].focus();
  });
}
