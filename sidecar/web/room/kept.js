// @ts-check
/* What the page keeps between two visits: in this browser, or in memory where the browser allows nothing. */

/** @typedef {{ place?: string | null, pass?: string | null }} Has */

/** @param {string} key */
export function shelf(key) {
  /** @type {Has} */ let memory = {};
  let forgetful = false;
  return {
    /** Whether what is kept ends with the page. */
    get forgetful() { return forgetful; },
    /** @returns {Has} */
    get() {
      try { return forgetful ? memory : JSON.parse(localStorage.getItem(key) ?? "null") ?? {}; } catch { forgetful = true; return memory; }
    },
    /** @param {Has} has */
    put(has) {
      memory = has;
      try { localStorage.setItem(key, JSON.stringify(has)); forgetful = false; } catch { forgetful = true; }
    },
  };
}
