// The two dialogs: how to use the page, and the key that the service asks for.

import { Problem, readLabels } from "./api.js";
import { $, fill, h, sign } from "./dom.js";
import { ROLES, TOPICS } from "./labels.js";
import { keep, keepKey, shortcuts } from "./settings.js";
import { inLanguage, labelName, t } from "./strings.js";

const KEY = "\\s*[\\x21-\\x7e]+\\s*";  // what a header may hold; with another one no call would leave the browser

export function showHelp() {
  const dialog = $("#help-dialog");
  if (dialog.open) {
    dialog.close();
    return;
  }
  const onKeys = (event) => keep("shortcuts", event.target.checked ? "on" : "off");
  fill(dialog,
    h("div.head", null, h("h2", { id: "help-title" }, t("help_title")),
      h("button.plain", { type: "button", onclick: () => dialog.close() }, t("close"))),
    h("div.pair", null,
      h("section", null, h("h3", null, t("role")), h("dl", null, ROLES.map(labelEntry))),
      h("section", null, h("h3", null, t("topic")), h("dl", null, TOPICS.map(labelEntry))),
      h("section", null, h("h3", null, t("help_marks")), h("dl", null, marks())),
      h("section", null, h("h3", null, t("help_keys")), h("dl", null, keys()),
        h("label.option", null,
          h("input", { type: "checkbox", checked: shortcuts(), onchange: onKeys }), t("keys_on")))));
  dialog.showModal();
  tellMeanings(dialog);
}

function labelEntry(label) {
  return [
    h("dt", null, h("kbd", null, label.key), label.mark && sign(label.mark, `role-${label.id}`), labelName(label)),
    h("dd", { "data-meaning": label.name }),
  ];
}

// The guideline's words for each label, which the service knows; without them the help is as good as before.
async function tellMeanings(dialog) {
  const labels = await readLabels().catch(() => []);
  for (const { name, meaning, meaning_zh } of labels) {
    fill($(`[data-meaning="${name}"]`, dialog), inLanguage(meaning_zh, meaning));
  }
}

function marks() {
  const flag = (mark, kind) => h("span.flag", { "aria-hidden": true, class: kind }, mark);
  const entry = (mark, words, kind) => [h("dt", null, flag(mark, kind)), h("dd", null, words)];
  return [
    entry("?", t("mark_unsure"), ""), entry("✓", t("mark_corrected"), "sure"), entry("!", t("mark_unsaved"), "late"),
  ];
}

function keys() {
  const entry = (pressed, words) => [h("dt", null, pressed.map((key) => h("kbd", null, key))), h("dd", null, words)];
  return [
    entry(["j", "k"], t("k_move")), entry(["n"], t("k_unsure")), entry(["y"], t("k_confirm")),
    entry(["u"], t("k_undo")), entry(["/"], t("k_search")), entry(["?"], t("k_help")), entry(["Esc"], t("k_escape")),
  ];
}

// Resolves when a key was given; whether it is right the next call will tell. `again`: the one before was wrong.
export function askForKey(again) {
  const dialog = $("#key-dialog");
  return new Promise((resolve, reject) => {
    let given = false;
    const submit = (event) => {
      event.preventDefault();
      given = true;
      keepKey($("#key").value.trim(), $("#key-keep").checked);
      dialog.close();
    };
    fill(dialog, h("form", { onsubmit: submit },
      h("h2", { id: "key-title" }, t("key_title")),
      h("p", { role: again ? "alert" : null }, t(again ? "key_wrong" : "key_lead")),
      h("label", { for: "key" }, t("key_label")),
      h("input", {
        id: "key", type: "password", autocomplete: "current-password", required: true,
        pattern: KEY, title: t("key_form"),
      }),
      h("label.option", null, h("input", { id: "key-keep", type: "checkbox" }), t("key_keep")),
      h("div.acts", null,
        h("button.plain", { type: "button", onclick: () => dialog.close() }, t("cancel")),
        h("button.primary", { type: "submit" }, t("key_go")))));
    dialog.onclose = () => {
      dialog.replaceChildren();
      if (given) resolve();
      else reject(new Problem(401, { detail: t("key_title"), detail_zh: t("key_title"), code: "unauthorized" }));
    };
    dialog.showModal();
  });
}
