// Keys -> what the view at hand does with them. Silent in fields, in dialogs, and where they are switched off.

import { ROLES, TOPICS } from "./labels.js";
import { shortcuts } from "./settings.js";

const ROLE_KEYS = new Map(ROLES.map((role) => [role.key, role.name]));
const TOPIC_KEYS = new Map(TOPICS.map((topic) => [topic.key, topic.name]));
const HELD = new Set(["j", "k"]);  // may be held down; what changes a label asks for a press each
const PLAIN = new Map([
  ["j", "next"], ["k", "previous"], ["n", "unsure"], ["u", "undo"], ["y", "confirm"],
  ["/", "search"], ["?", "help"], ["？", "help"],
]);

export function listenToKeys(actions) {
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const able = actions();
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      if (inField(event.target)) event.target.blur();
      able.escape?.();
      return;
    }
    if (!shortcuts() || inField(event.target) || document.querySelector("dialog[open]")) return;
    const key = keyOf(event);
    const work = meaning(key, able);
    if (!work) return;
    event.preventDefault();
    if (!event.repeat || HELD.has(key)) work();
  });
}

function meaning(key, able) {
  if (ROLE_KEYS.has(key) && able.role) return () => able.role(ROLE_KEYS.get(key));
  if (TOPIC_KEYS.has(key) && able.topic) return () => able.topic(TOPIC_KEYS.get(key));
  return able[PLAIN.get(key)];
}

// With a Chinese input method on, some browsers give "Process" for the letter that was pressed.
function keyOf(event) {
  if (event.key !== "Process" && event.key !== "Unidentified") return event.key.toLowerCase();
  const [, letter] = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code) || [];
  return (letter || "").toLowerCase();
}

function inField(element) {
  return element instanceof Element && element.matches('textarea, input:not([type="checkbox"])');
}
