/* Light or dark, as the system says or as chosen. A classic script: no wrong theme is painted first. */

(() => {
  const ORDER = ["system", "light", "dark"], root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen;
  try { chosen = localStorage.getItem("sidecar-theme"); } catch { /* forbidden: then a choice lives as long as the page */ }
  if (!ORDER.includes(chosen)) chosen = "system";

  function show() {
    root.dataset.theme = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
    const button = document.getElementById("theme");
    if (button) button.textContent = `Theme: ${chosen}`;
    root.dispatchEvent(new Event("theme"));
  }

  show();
  dark.addEventListener("change", show);
  addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      chosen = ORDER[(ORDER.indexOf(chosen) + 1) % ORDER.length];
      try { localStorage.setItem("sidecar-theme", chosen); } catch { /* as above */ }
      show();
    });
  });
})();
