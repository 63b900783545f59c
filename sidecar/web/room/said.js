// @ts-check
/* What the page says of a reply, as words without markup: the same as the server's own HTML says, from the same texts. */

const FIRST = ["admitted", "called", "released", "left"], ENDED = ["sold_out", "closed"], STANDING = ["lobby", "waiting", "parked"];
const KEPT = ["lobby", "drawing", "waiting", "parked", "paused"], BEFORE = ["scheduled", "lobby", "drawing"];
export const SETTLED = ["released", "left", "expired", "forfeited"];
/** @type {Record<string, string[]>} */
const ACTIONS = { called: ["claim", "leave"], admitted: ["back", "release"], needs_action: ["remedy", "leave"], expired: ["join"], forfeited: ["join"], left: ["join"] };
const STEPS = [[180, 30], [90, 15], [30, 5], [0, 1]];

/** @param {string} state @param {string | null} visitor @returns {string} */
export function situation(state, visitor) {
  if (visitor && FIRST.includes(visitor)) return visitor;
  if (ENDED.includes(state)) return state;
  if (!visitor) return state === "scheduled" ? state : `join_${state}`;
  return STANDING.includes(visitor) && (state === "paused" || state === "drawing") ? state : visitor;
}

/** One language, and the zone whose clock the room goes by.
 * @param {string} lang @param {any} texts @param {string} zone */
export function speak(lang, texts, zone) {
  const rules = new Intl.PluralRules(lang);
  /** @type {Intl.DateTimeFormatOptions} */
  const parts = { weekday: "short", year: "numeric", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  let place = zone || "UTC", clock;
  try { clock = new Intl.DateTimeFormat("en", { ...parts, timeZone: place }); }
  catch { clock = new Intl.DateTimeFormat("en", { ...parts, timeZone: place = "UTC" }); }

  /** @param {string} text @param {Record<string, string>} values */
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  /** @param {number} n */
  const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, texts.group);
  /** @param {string} group @param {number} n */
  const plural = (group, n) => fill(texts[group][rules.select(n)] ?? texts[group].other, { n: number(n) });
  /** @param {number} n */
  const minutes = (n) => {
    const hours = Math.floor(n / 60), rest = n % 60;
    return [hours ? plural("hours", hours) : "", rest || !hours ? plural("minutes", rest) : ""].filter(Boolean).join(" ");
  };
  /** @param {number} seconds @param {(n: number) => number} whole */
  const rounded = (seconds, whole) => {
    const step = STEPS.find(([least]) => seconds / 60 >= least)?.[1] ?? 1;
    return whole(seconds / 60 / step) * step;
  };
  /** @param {number} low_s @param {number} high_s */
  const band = (low_s, high_s) => {
    const low = rounded(low_s, Math.floor), high = rounded(high_s, Math.ceil), say = texts.band;
    if (low >= 1440) return say.days;
    if (high <= 1) return say.soon;
    if (low < 1) return fill(say.less, { high: minutes(high) });
    if (low === high) return fill(say.about, { high: minutes(high) });
    return fill(say.between, { low: high < 60 ? number(low) : minutes(low), high: minutes(high) });
  };
  /** @param {number} at @returns {Record<string, string>} */
  const read = (at) => Object.fromEntries(clock.formatToParts(at * 1000).map(({ type, value }) => [type, value]));
  /** @param {number} at @param {number} wall */
  const moment = (at, wall) => {
    const there = read(at), now = read(wall), same = ["year", "month", "day"].every((part) => there[part] === now[part]);
    const time = fill(texts.time, { clock: `${there.hour}:${there.minute}` });
    const weekday = texts.weekdays[["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].indexOf(there.weekday)];
    const day = there.day === "1" ? texts.first : there.day;
    const when = fill(same ? texts.today : texts.date, { weekday, day, month: texts.months[Number(there.month) - 1], year: there.year, time });
    return fill(texts.zone, { when, zone: place.slice(place.lastIndexOf("/") + 1).replaceAll("_", " ") });
  };
  /** @param {number} at */
  const second = (at) => { const there = read(at); return fill(texts.time, { clock: `${there.hour}:${there.minute}:${there.second}` }); };

  /** How long until then, as a clock that runs backwards. @param {number} seconds */
  const left = (seconds) => {
    const whole = Math.max(0, Math.ceil(seconds)), h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
    return fill(texts.notes.left_s, { time: (h ? [h, m, s] : [m, s]).map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":") });
  };

  /** @param {any} view as sidecar/web/roomsaid.py has it */
  const said = (view) => {
    const where = situation(view.state, view.visitor), [headline, lead] = texts.said[`${where}.${view.reason}`] ?? texts.said[where];
    const stands = ["waiting", "parked", "paused"].includes(where) && view.visitor && view.visitor !== "lobby", counted = stands && view.ahead != null;
    const known = view.eta_reason == null && view.eta_low_s != null && view.eta_high_s != null, kept = KEPT.includes(where);
    const opens = BEFORE.includes(view.state) && !SETTLED.includes(where) ? view.opens_at : null;
    const may = ACTIONS[where] ?? (kept ? ["leave"] : where.startsWith("join_") ? ["join"] : []);
    /** @type {Record<string, number | null>} */
    const moments = {
      lobby: opens != null && view.state === "scheduled" ? opens - view.lobby_s : null,
      draw: opens != null && view.state !== "drawing" ? view.draws_at : null,
      opens, claim_by: where === "called" ? view.claim_by : null, pass_until: where === "admitted" ? view.pass_until : null,
      next: view.message ? view.next_update_at : null,
    };
    return {
      where, headline, lead, moments,
      number: counted ? number(view.ahead) : "", label: counted ? plural("ahead", view.ahead) : "",
      known, eta: !kept ? "" : known ? band(view.eta_low_s, view.eta_high_s) : texts.reasons[view.eta_reason] ?? texts.reasons.unknown,
      code: view.visitor ? view.code ?? "" : "", note: kept ? texts.notes.keep : "",
      actions: may.filter((each) => (each !== "back" && each !== "remedy") || view[each]),
    };
  };
  return { said, moment, second, left, texts };
}
