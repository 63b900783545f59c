// @ts-check
/* What the client keeps of a place: in this browser, or in memory where the browser allows nothing. */

/** A storage of one entry. @param {string} key @param {(place: string | null) => void} told hears of each change */
export function shelf(key, told) {
  /** @type {string | null} */ let memory = null;
  let forgetful = false;
  const self = {
    /** Whether the entry ends with the page. */
    get forgetful() { return forgetful; },
    getItem() {
      try { return localStorage.getItem(key) ?? memory; } catch { forgetful = true; return memory; }
    },
    /** @param {string} _ @param {string} value */
    setItem(_, value) {
      memory = value;
      try { localStorage.setItem(key, value); forgetful = false; } catch { forgetful = true; }
      told(self.place());
    },
    /** @returns {string | null} */
    place() {
      try { return JSON.parse(self.getItem() ?? "").place ?? null; } catch { return null; }
    },
  };
  return self;
}
