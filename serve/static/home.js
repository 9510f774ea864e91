// Files and pasted text -> documents, with their progress; and the list of what is stored, to open or to compare.

import { listDocuments, sendDocument } from "./api.js";
import { $, fill, h, refill } from "./dom.js";
import { t, when } from "./strings.js";

const RECENT = 10;  // documents listed before "older"
const COMPARED = 50;  // documents that the service compares at once
const AT_ONCE = 2;  // files being sent; the service has its own bound

export class Home {
  constructor(onAnswer, tell) {
    this.onAnswer = onAnswer;  // an answer to keep, and whether to open it
    this.tell = tell;  // say something in the status line
    this.jobs = [];
    this.documents = null;
    this.chosen = new Set();
    $("#drop").addEventListener("click", ({ target }) => target === $("#files") || $("#files").click());
    $("#files").addEventListener("change", (event) => {
      this.take([...event.target.files]);
      event.target.value = "";
    });
    $("#paste").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = $("#pasted").value;
      if (text.trim()) this.send([{ name: `${t("pasted_name")}.txt`, content: text }]);
    });
    acceptDrops((files, folders) => {
      this.take(files);
      if (folders) this.tell(t("no_folder"));
    });
    window.addEventListener("paste", (event) => this.paste(event));
  }

  take(files) {
    this.send(files.map((file) => ({ name: file.name, content: file })));
  }

  // Files copied in a folder, or text copied anywhere: pasted outside a field they are taken all the same.
  paste(event) {
    if (event.target.closest?.("input, textarea, dialog")) return;
    const files = [...event.clipboardData.files];
    const text = event.clipboardData.getData("text/plain");
    if (text.trim() && !$("#home").hidden) {
      event.preventDefault();
      $("#pasted").value = text;
      $("#pasted").focus();
    } else if (files.length) {
      event.preventDefault();
      this.take(files);
    }
  }

  // One document opens when it is ready; several stay in a list, to be opened or compared.
  send(pieces) {
    if (!pieces.length) return;
    if (!["", "#/"].includes(location.hash)) location.hash = "#/";
    if (!this.jobs.some((job) => job.state === "waiting" || job.state === "sent")) this.jobs = [];
    this.jobs.forEach((job) => { job.alone = false; });  // others have come while it was on its way
    const alone = pieces.length === 1 && !this.jobs.length;
    const fresh = { alone, state: "waiting", share: 0, answer: null, problem: null };
    this.jobs.push(...pieces.map((piece) => ({ ...piece, ...fresh })));
    this.showJobs();
    this.next();
  }

  next() {
    const free = AT_ONCE - this.jobs.filter((job) => job.state === "sent").length;
    this.jobs.filter((job) => job.state === "waiting").slice(0, free).forEach((job) => this.run(job));
  }

  async run(job) {
    job.state = "sent";
    job.problem = null;
    this.showJobs();
    try {
      job.answer = await sendDocument(job.name, job.content, (share) => {
        job.share = share;
        this.showShare(job);
      });
      job.state = "ready";
    } catch (problem) {
      job.problem = problem;
      job.state = "failed";
    }
    if (job.answer) this.finish(job);
    this.showJobs();
    this.next();
  }

  finish(job) {
    if (job.content === $("#pasted").value) $("#pasted").value = "";  // else another one was pasted meanwhile
    job.content = null;
    this.tell(`${job.name}${t("colon")}${t("ready", { units: job.answer.units.length })}`);
    if (job.alone) this.jobs = [];
    this.onAnswer(job.answer, job.alone);
    if (!job.alone) this.showRecent().catch(() => {});  // the list is no part of this job
  }

  showJobs() {
    $("#queue").hidden = !this.jobs.length;
    for (const job of this.jobs) job.item = this.jobItem(job);
    refill($("#jobs"), this.jobs.map((job) => job.item));
    const stored = this.jobs.filter((job) => job.answer && job.answer.document.stored);
    const ready = [...new Set(stored.map((job) => job.answer.document.sha256))];
    const link = $("#compare-jobs");
    link.hidden = ready.length < 2 || this.jobs.some((job) => job.state === "sent" || job.state === "waiting");
    leadToCompare(link, ready, t("compare_these", { count: ready.length }));
  }

  // The other files' links stay as they are: they may be about to be pressed.
  showShare(job) {
    const { item } = job;
    job.item = this.jobItem(job);
    item.replaceWith(job.item);
  }

  jobItem(job) {
    const busy = job.state === "sent";
    const key = this.jobs.indexOf(job);
    const again = () =>
      h("button.plain", { type: "button", onclick: () => this.again(job), "data-key": key }, t("retry"));
    const address = job.answer && `#/report/${job.answer.document.sha256}`;
    const words = {
      waiting: () => t("wait"),
      sent: () => (job.share < 1 ? t("sending", { percent: Math.round(100 * job.share) }) : t("reading")),
      ready: () => t("ready", { units: job.answer.units.length }),
      failed: () => job.problem.words || t("failed"),
    }[job.state]();
    return h("li.job", { class: job.state },
      h("span.name", null, job.name),
      busy && h("progress", { max: 1, value: job.share < 1 ? job.share : null, "aria-label": job.name }),
      h("span.words", null, words),
      job.state === "ready" && h("a", { href: address, "data-key": key }, t("open")),
      job.state === "failed" && job.problem.mayPass && again());
  }

  again(job) {
    job.state = "waiting";
    this.showJobs();
    this.next();
  }

  async showRecent() {
    try {
      this.documents = await listDocuments();
    } catch (problem) {
      this.documents = null;
      $("#recent").hidden = true;
      if (problem.code !== "no_store") throw problem;
      document.body.classList.add("volatile");  // nothing is stored: no review either
      return;
    }
    this.redraw();
  }

  redraw() {
    this.showJobs();
    if (!this.documents) return;
    $("#recent").hidden = false;
    const items = this.documents.map((one) => this.documentItem(one));
    const older = items.splice(RECENT);
    fill($("#documents"), items.length ? items : h("li.hint", null, t("recent_none")));
    $("#older").hidden = !older.length;
    fill($("#older summary"), t("older", { count: older.length }));
    fill($("#older ul"), older);
    this.showChosen();
  }

  documentItem({ sha256, name, units, corrected, time }) {
    const pick = h("input", {
      type: "checkbox", checked: this.chosen.has(sha256), "aria-label": t("pick", { name }),
      onchange: (event) => {
        if (event.target.checked) this.chosen.add(sha256);
        else this.chosen.delete(sha256);
        this.showChosen();
      },
    });
    return h("li", null, pick,
      h("a", { href: `#/report/${sha256}` }, name),
      h("span.fact", null, t("units", { count: units })),
      h("span.fact", null, corrected ? t("corrected_count", { count: corrected }) : ""),
      h("time.fact", { datetime: time }, when(time)));
  }

  showChosen() {
    const link = $("#compare-go");
    const enough = this.chosen.size > 1;
    leadToCompare(link, [...this.chosen], enough ? t("compare_go", { count: this.chosen.size }) : t("compare_few"));
    link.classList.toggle("off", !enough);
    if (!enough) link.removeAttribute("href");
  }
}

function leadToCompare(link, all, words) {
  link.href = `#/compare/${all.slice(0, COMPARED).join(",")}`;
  link.textContent = all.length > COMPARED ? t("compare_first", { count: COMPARED }) : words;
}

// Files may be dropped anywhere on the page.
function acceptDrops(take) {
  let depth = 0;
  const show = (by) => {
    depth = by ? Math.max(0, depth + by) : 0;
    $("#over").hidden = depth === 0;
  };
  const holds = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  window.addEventListener("dragenter", (event) => holds(event) && show(1));
  window.addEventListener("dragleave", (event) => holds(event) && show(-1));
  window.addEventListener("dragover", (event) => holds(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    show(0);
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const files = items.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory);
    take(files.map((item) => item.getAsFile()), items.length > files.length);
  });
}
