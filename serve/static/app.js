// The page: which view is shown for an address, what the header's tools do, what is said where something fails.

import { onKeyNeeded } from "./api.js";
import { Compare } from "./compare.js";
import { Corrections } from "./corrections.js";
import { askForKey, showHelp } from "./dialogs.js";
import { $, $$, fill, h } from "./dom.js";
import { Home } from "./home.js";
import { listenToKeys } from "./keyboard.js";
import { ReportPage } from "./report-page.js";
import { Review } from "./review.js";
import { keep, nextTheme, read, theme } from "./settings.js";
import { language, setLanguage, startLanguage, t, translate } from "./strings.js";

const answers = new Map();  // documents that were just read, so that opening one asks for nothing
const corrections = new Corrections();
const report = new ReportPage(corrections, tell);
const review = new Review(corrections, tell);
const compare = new Compare();
const home = new Home((answer, open) => {
  if (open || !answer.document.stored) answers.set(answer.document.sha256, answer);  // else it may be old once opened
  const address = `#/report/${answer.document.sha256}`;
  if (open && location.hash === address) route();
  else if (open) location.hash = address;
}, tell);

const VIEWS = {
  home: { keys: () => ({}), redraw: () => home.redraw() },
  report: { keys: () => report.keys(), redraw: () => report.redraw() },
  review: { keys: () => review.keys(), redraw: () => review.redraw() },
  compare: { keys: () => ({}), redraw: () => compare.redraw() },
};
let shown = "home";
let trouble = null;  // why the view cannot be shown

// #/  #/report/SHA  #/report/SHA/u12 (a unit)  #/report/SHA/at340 (what begins there)  #/review  #/compare/SHA,SHA
async function route() {
  const [, name = "", what = "", where = ""] = location.hash.split("/");
  const to = Object.keys(VIEWS).includes(name) ? name : "home";
  const entered = show(to);
  say(null);
  try {
    if (to === "report") await openReport(what, where, entered);
    else if (to === "review") await review.open();
    else if (to === "compare") await compare.open(what.split(",").filter(Boolean));
    else await home.showRecent();
  } catch (problem) {
    if (!problem.words) throw problem;
    say(problem);
  }
}

async function openReport(sha256, where, entered) {
  const given = answers.get(sha256);
  if (given && given.document.stored) answers.delete(sha256);  // from now on the service knows better
  const [, kind, number] = /^(u|at)(\d+)$/.exec(where) || [];
  await report.open(sha256, given, entered);
  if (kind) report.find(kind === "u" ? "index" : "start", Number(number));
}

// Gives whether another view was shown before.
function show(view) {
  const changed = shown !== view;
  shown = view;
  for (const section of $$("main > .view")) section.hidden = section.id !== view;
  for (const link of $$("#nav a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view !== "report") document.title = t("brand");
  if (changed) {
    window.scrollTo(0, 0);
    $("#main").focus({ preventScroll: true });  // what had the focus is hidden now
  }
  if (changed && view !== "report" && !corrections.unsaved) tell("");
  return changed;
}

// Why the view cannot be shown, and what may help: to try again, or to go back to the files.
function say(problem) {
  trouble = problem;
  $("#message").hidden = !problem;
  fill($("#message"), problem && [
    h("span", null, problem.words),
    problem.mayPass
      ? h("button.plain", { type: "button", onclick: route }, t("retry"))
      : shown !== "home" && h("a", { href: "#/" }, t("back")),
  ]);
}

function tell(words) {
  $("#status").textContent = words;
}

// The status line: what is being saved, and what could not be.
function showSaving({ detail }) {
  const { conflicts, unsaved, saving } = corrections;
  $("#status").classList.toggle("late", unsaved > 0);
  const { length } = conflicts;
  const late = unsaved > length && t("unsaved", { count: unsaved - length });
  $("#retry").hidden = !late;
  if (length) fill($("#status"), conflictLink(conflicts[0]), late && ` ${late}`);
  else if (late) tell(`${late} ${detail.failure ? detail.failure.words : ""}`);
  else if (!saving && !detail.state) tell(t("saved"));
}

function conflictLink({ sha256, start }) {
  const href = `#/report/${sha256}/at${start}`;
  return h("a", { href, onclick: () => location.hash === href && route() }, t("conflict"));
}

function showTools() {
  $("#language").textContent = t("language");
  $("#language").setAttribute("aria-label", t("language_label"));
  $("#language").lang = language() === "zh" ? "en" : "zh-CN";
  $("#theme").textContent = t("theme", { theme: t(`theme_${theme()}`) });
}

function start() {
  startLanguage();
  translate(document);
  showTools();
  onKeyNeeded(askForKey);
  $("#user").value = read("user");
  $("#user").addEventListener("input", (event) => keep("user", event.target.value));
  $("#language").addEventListener("click", () => {
    setLanguage(language() === "zh" ? "en" : "zh");
    translate(document);
    showTools();
    document.title = t("brand");  // a report sets its own
    VIEWS[shown].redraw();
    say(trouble);
  });
  $("#theme").addEventListener("click", () => {
    nextTheme();
    showTools();
  });
  $("#help").addEventListener("click", showHelp);
  $("#skip").addEventListener("click", () => $("#main").focus());
  $("#retry").addEventListener("click", () => corrections.retry());
  corrections.addEventListener("change", showSaving);
  listenToKeys(() => ({ ...VIEWS[shown].keys(), help: showHelp }));
  window.addEventListener("online", () => corrections.retry());
  window.addEventListener("beforeunload", (event) => {
    if (!corrections.unsaved && !corrections.saving) return;
    event.preventDefault();
    event.returnValue = true;  // what Chromium before 119 heeds
  });
  window.addEventListener("hashchange", route);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#export")) $("#export").open = false;
  });
  route();
}

start();
