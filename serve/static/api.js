// The service's endpoints -> promises of their answers, failures as Problem. Asks for the key once when one is needed.

import { readKey } from "./settings.js";
import { inLanguage, t } from "./strings.js";

export class Problem extends Error {
  constructor(status, body) {
    super(body.code || "strange");
    this.status = status;
    this.code = body.code || "";
    this.body = body;
  }

  // Whether the same call may do later on: no answer, too many calls, a service that is being started.
  get passes() {
    return !this.status || this.status === 408 || this.status >= 429;
  }

  // The same, or after its reader has done something: a key can still be given.
  get mayPass() {
    return this.passes || this.status === 401;
  }

  // What the reader is told; in the language of the moment.
  get words() {
    if (!this.status) return t("offline");
    const said = inLanguage(this.body.detail_zh, this.body.detail);
    return said || t("strange", { status: this.status });
  }
}

let askForKey = () => Promise.reject(new Problem(401, {}));
let asking = null;

export function onKeyNeeded(ask) {
  askForKey = ask;
}

// Several calls that fail together ask once.
function newKey(again) {
  asking ??= askForKey(again).finally(() => { asking = null; });
  return asking;
}

async function withKey(call) {
  for (let again = false; ; again = true) {
    const key = readKey();
    try {
      return await call(key ? { Authorization: `Bearer ${key}` } : {});
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      if (readKey() === key) await newKey(again || Boolean(key));  // else another call has got one meanwhile
    }
  }
}

// No answer, or one that broke off.
function unreached() {
  throw new Problem(0, {});
}

async function ask(path, options = {}) {
  return withKey(async (headers) => {
    const answer = await fetch(path, { ...options, headers: { ...options.headers, ...headers } }).catch(unreached);
    if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
    return answer;
  });
}

const askJson = async (path, options) => (await ask(path, options)).json().catch(unreached);

export const readLabels = async () => (await askJson("v1/labels")).labels;
export const listDocuments = async () => (await askJson("v1/documents")).documents;
export const readDocument = (sha256) => askJson(`v1/documents/${sha256}`);
export const readInsight = (sha256) => askJson(`v1/documents/${sha256}/insight`);
export const compareDocuments = async (all) => (await askJson(`v1/compare?documents=${all.join(",")}`)).documents;
export const reviewNext = async (count) => (await askJson(`v1/review/next?count=${count}`)).units;

export async function correct(sha256, user, corrections) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user, corrections }),
    keepalive: true,  // a page that is being left still sends it
  };
  return (await askJson(`v1/documents/${sha256}/corrections`, options)).labels;
}

export async function exportDocument(sha256, format) {
  const answer = await ask(`v1/documents/${sha256}/export?format=${format}`);
  const name = fileName(answer.headers.get("Content-Disposition")) || `report.${format}`;
  return { blob: await answer.blob().catch(unreached), name };
}

function fileName(disposition) {
  const [, encoded] = /filename\*=UTF-8''([^;]+)/i.exec(disposition || "") || [];
  const [, plain] = /filename="([^"]+)"/i.exec(disposition || "") || [];
  return encoded ? decodeURIComponent(encoded) : plain;
}

// A file or a text with its name; `progress` is told the share that was sent, from 0 to 1.
export function sendDocument(name, content, progress) {
  return withKey((headers) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();  // fetch does not tell how far an upload is
    request.open("POST", `v1/documents?name=${encodeURIComponent(name)}`);
    const type = typeof content === "string" ? "text/plain; charset=utf-8" : "application/octet-stream";
    request.setRequestHeader("Content-Type", type);
    for (const [header, value] of Object.entries(headers)) request.setRequestHeader(header, value);
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.upload.onload = () => progress(1);
    request.onerror = request.ontimeout = () => reject(new Problem(0, {}));
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status === 200 && body) resolve(body);
      else reject(new Problem(request.status, body || {}));
    };
    request.send(content);
  }));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
