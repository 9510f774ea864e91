// What one person chose in this browser: language, theme, name, key, shortcuts. Knows no document.

const PREFIX = "fazhi.";
const memory = new Map();  // for browsers that keep nothing

export function read(name, otherwise = "") {
  try {
    return localStorage.getItem(PREFIX + name) ?? otherwise;
  } catch {
    return memory.get(name) ?? otherwise;
  }
}

export function keep(name, value) {
  memory.set(name, value);
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // kept in memory until the page is left
  }
}

// The key to the service is forgotten with the tab unless its owner asked otherwise.
export function readKey() {
  try {
    return sessionStorage.getItem(PREFIX + "key") || localStorage.getItem(PREFIX + "key") || memory.get("key") || "";
  } catch {
    return memory.get("key") || "";
  }
}

export function keepKey(key, forLong) {
  memory.set("key", key);
  try {
    sessionStorage.setItem(PREFIX + "key", key);
    if (forLong) localStorage.setItem(PREFIX + "key", key);
    else localStorage.removeItem(PREFIX + "key");
  } catch {
    // kept in memory until the page is left
  }
}

export const user = () => read("user").trim();
export const shortcuts = () => read("shortcuts", "on") === "on";

const THEMES = ["auto", "light", "dark"];

export const theme = () => read("theme", "auto");

export function nextTheme() {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
  keep("theme", next);
  window.fazhiTheme(next);
  return next;
}
