// @ts-check
/* Speaks with the page that embeds this one, and with no other: only to an origin of the list, only to one that is known exactly, and it
   hears nobody but its own parent. */

/** @param {string} room @param {string[]} allowed @param {(place: string) => void} restore */
export function converse(room, allowed, restore) {
  const embedder = () => {
    if (location.ancestorOrigins?.length) return location.ancestorOrigins[0];
    try { return new URL(document.referrer).origin; } catch { return ""; }
  };
  /** @type {string | null} */ let kept = null;
  /** @type {string | null} */ let token = null;
  let origin = allowed.includes(embedder()) ? embedder() : null;

  /** @param {string} type @param {object} [more] */
  const post = (type, more) => { if (origin && parent !== window) parent.postMessage({ type: `sidecar:${type}`, room, ...more }, origin); };
  const height = () => post("height", { height: Math.ceil(document.documentElement.getBoundingClientRect().height) });

  const self = {
    /** Whether the embedding page keeps the place. */
    keeps: false,
    ready() { post("ready"); new ResizeObserver(height).observe(document.documentElement); },
    /** @param {string | null} place */
    keep(place) { if (place !== kept) post("place", { place: kept = place }); },
    /** @param {any} view @param {any} held */
    tell(view, held) {
      const { state, visitor, ahead, eta_low_s, eta_high_s, eta_reason, code, reason } = view;
      post("state", { state, visitor, ahead: ahead ?? null, eta_low_s: eta_low_s ?? null, eta_high_s: eta_high_s ?? null, eta_reason: eta_reason ?? null, place_code: code ?? null, reason });
      const now = held?.pass ?? null;
      if (now !== token) post("pass", { token: token = now });
    },
  };

  addEventListener("message", ({ source, origin: from, data }) => {
    if (source !== parent || parent === window || !allowed.includes(from) || (origin && from !== origin)) return;
    if (data?.type !== "sidecar:restore" || (data.room ?? room) !== room) return;
    origin = from;
    self.keeps = !!data.keeps;
    if (typeof data.place === "string" && data.place.length < 2048) restore(data.place);
  });
  return self;
}
