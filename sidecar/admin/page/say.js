/* Values into words, whatever the status holds or lacks: what is not known is "–", never 0. */

export const UNKNOWN = "–";
const LONGEST = 400; // more of one value than anybody reads here
const UNITS = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });

export function text(value, otherwise = UNKNOWN) {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string" || value === "") return otherwise;
  return value.length <= LONGEST ? value : `${value.slice(0, LONGEST)}… (${whole.format(value.length - LONGEST)} more characters)`;
}

export function joined(between, ...values) {
  return values.map((value) => text(value, "")).filter(Boolean).join(between);
}

export function number(value) {
  return Number.isFinite(value) ? value : null;
}

export function object(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

/** The members of a list that are objects. */
export function list(value) {
  return Array.isArray(value) ? value.filter((each) => object(each) === each) : [];
}

/** Rows, those with most in `count` first. */
export function most(value) {
  return list(value).sort((a, b) => (number(b.count) ?? 0) - (number(a.count) ?? 0));
}

export function count(value) {
  return number(value) === null ? UNKNOWN : whole.format(value);
}

export function rate(value) {
  return number(value) === null ? UNKNOWN : (value >= 100 ? whole : tenths).format(value);
}

export function many(n, one, more = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : more}`;
}

export function bytes(value) {
  if (number(value) === null) return UNKNOWN;
  const step = value < 1024 ? 0 : Math.min(3, Math.floor(Math.log2(value) / 10));
  return `${rate(value / 1024 ** step)} ${["bytes", "KiB", "MiB", "GiB"][step]}`;
}

/** Seconds, in their largest units. */
export function span(value, parts = 2) {
  if (number(value) === null) return UNKNOWN;
  let left = Math.max(0, Math.round(value));
  const said = [];
  for (const [size, unit] of UNITS) {
    const n = Math.floor(left / size);
    left -= n * size;
    if (n || (size === 1 && !said.length)) said.push(`${n} ${unit}`);
    if (said.length && (said.length === parts || !n)) break;
  }
  return said.join(" ");
}

export function instant(value) {
  const found = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(found) ? null : found;
}

/** The time in UTC, as in the log; with the day where it is not today's. */
export function clock(ms, nowMs) {
  if (ms === null) return UNKNOWN;
  const [day, time] = new Date(ms).toISOString().split(/[T.]/);
  return nowMs !== null && new Date(nowMs).toISOString().startsWith(day) ? time : `${day} ${time}`;
}

export function ago(value, nowMs) {
  const ms = instant(value);
  if (ms === null || nowMs === null) return clock(ms, nowMs);
  return `${clock(ms, nowMs)}, ${nowMs - ms < 2000 ? "just now" : `${span((nowMs - ms) / 1000, 1)} ago`}`;
}

export function share(part, all) {
  return all ? `${tenths.format((100 * part) / all)} %` : UNKNOWN;
}

export function failed(failure) {
  const { state, reason } = object(failure);
  return joined(": ", state, text(reason, "").replaceAll("_", " "));
}

/** A word as a shell takes it: names come from files, and what is copied here is run there. */
export function quoted(value) {
  const word = text(value, "").replace(/[\u0000-\u001f\u007f]/g, "");
  return /^[\w./:@%+=-]*$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
