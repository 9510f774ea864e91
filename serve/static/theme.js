// The kept or the system's theme -> which style sheet holds. Runs before the first paint, so that nothing flashes.

(function () {
  var sheet = document.getElementById("dark");
  var system = sheet.media;
  var kept = null;
  try {
    kept = localStorage.getItem("fazhi.theme");
  } catch (error) {
    kept = null;  // a browser that keeps nothing
  }
  window.fazhiTheme = function (theme) {
    sheet.media = theme === "dark" ? "screen" : theme === "light" ? "not all" : system;
    document.documentElement.dataset.theme = theme || "auto";
  };
  window.fazhiTheme(kept);
})();
