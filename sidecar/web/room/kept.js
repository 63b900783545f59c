// @ts-check
/* What the page keeps between two visits: in this browser, or in memory where the browser allows nothing. */

/** @param {string} key */
export function shelf(key) {
  /** @type {any} */ let memory = {};
  let forgetful = false;
  return {
    /** Whether what is kept ends with the page. */
    get forgetful() { return forgetful; },
    /** @returns {any} */
    get() {
      try { return forgetful ? memory : JSON.parse(localStorage.getItem(key) ?? "null") ?? {}; } catch { forgetful = true; return memory; }
    },
    /** @param {any} has */
    put({ place, pass }) {
      memory = { place, pass };
      try { localStorage.setItem(key, JSON.stringify(memory)); forgetful = false; } catch { forgetful = true; }
    },
  };
}
