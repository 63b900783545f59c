/* Alerts: what needs somebody. The sidecar’s warnings, and what the figures say where it warns of nothing. */

import { $, command, keyed, make, mark, set, show, texts, unsaid } from "./draw.js";
import { ago, clock, count, failed, instant, joined, list, many, number, object, quoted, rate, span, text } from "./say.js";
import { WARNINGS, word } from "./words.js";

const AT_ONCE = 4; // places of one alert that are shown before the click
export const TONES = { error: "down", warning: "strained" };
const CODES = Object.keys(WARNINGS);

/** An alert: { code, severity, title, items: [{ lead, body, hint }], since (an instant), remedies, commands, more }. */
export function alert(code, severity, ...items) {
  const [title, remedy, commands] = word(WARNINGS, code) ?? [`Warning: ${code}`, "See the log around that time.", []];
  return { code, severity, title, items, since: null, remedies: [remedy], commands, more: `docs/operations.md#${code.replaceAll("_", "-")}` };
}

export function item(body, lead = "", hint = "") {
  return { lead, body, hint };
}

/** Return the alerts of a status, worst first. */
export function alertsOf(status, nowMs) {
  const found = new Map();
  const add = (code, severity, items = [], more = {}) => {
    const one = found.get(code) ?? alert(code, severity);
    if (items.length) one.items = items; // they say more than a warning's text
    found.set(code, Object.assign(one, more));
  };
  for (const { code, severity, text: said, remedy, since, more } of list(status.warnings)) {
    const key = text(code, "unnamed"), known = found.get(key);
    const one = known ?? alert(key, severity === "error" ? "error" : "warning");
    one.items.push(item(text(said, "")));
    if (text(remedy, "")) one.remedies = [...new Set([...(known ? one.remedies : []), text(remedy)])];
    one.since ??= since;
    one.more = text(more, one.more);
    found.set(key, one);
  }
  settings(object(status.config), add);
  overrides(list(status.overrides), add, nowMs);
  backends(list(status.backends), add, nowMs);
  const bugs = list(object(status.states).by).filter(({ state }) => state === "internal");
  if (bugs.length && !found.has("bug")) add("bug", "error", bugs.map((row) => item(`${many(row.count, "answer")} “internal” in the last minutes`, text(row.backend, "before any backend"))));
  const dropped = number(object(status.log).dropped);
  if (dropped > 0) add("log_dropped", "warning", [item(`${many(dropped, "line")} since the start`)]);
  if (status.draining === true) add("draining", "warning");
  const file = quoted(object(status.config).file) || "FILE";
  for (const one of found.values()) one.commands = one.commands.map((each) => each.replace("FILE", () => file));
  return [...found.values()].sort((a, b) => rank(a) - rank(b));
}

function rank({ code, severity }) {
  return (severity === "error" ? 0 : 100) + (CODES.includes(code) ? CODES.indexOf(code) : 99);
}

function settings({ last_reload, differs_from_disk, file }, add) {
  const { ok, at, text: said, errors } = object(last_reload);
  if (ok === false) {
    const places = list(errors).map((each) => item(joined(": ", each.key, each.message), joined(":", each.file, each.line, each.column), text(each.remedy, "")));
    add("reload_failed", "error", places.length ? places : [item(text(said, ""))], { since: at });
  } else if (differs_from_disk === true) add("config_differs", "warning", [item(text(file, ""))]);
}

function overrides(all, add, nowMs) {
  if (!all.length) return;
  add("override_active", "warning", all.map((each) => item(
    `by ${text(each.actor, "somebody")}: ${text(each.reason, "no reason was given")}`,
    `${text(each.backend)}: ${text(each.noun)} ${text(each.value)} instead of ${text(each.was)}`,
    ends(each, nowMs),
  )), {
    title: `${many(all.length, "setting is", "settings are")} overridden by hand`,
    commands: all.map(({ noun, backend }) => `sidecar ${quoted(noun)} clear ${quoted(backend)} --reason WHY`),
  });
}

function ends({ until, left_s, since }, nowMs) {
  const end = instant(until), left = end === null || nowMs === null ? number(left_s) : (end - nowMs) / 1000;
  if (left === null) return "";
  return left > 0 ? `ends in ${span(left)}${end === null ? "" : `, at ${clock(end, nowMs)}`}; since ${ago(since, nowMs)}` : "ends now";
}

function backends(all, add, nowMs) {
  const raise = (pressure, code, severity, one, more, about) => {
    const some = all.filter((each) => each.pressure === pressure);
    if (some.length) add(code, severity, some.map(about), { title: some.length === 1 ? `Backend ${text(some[0].name)} ${one}` : `${count(some.length)} backends ${more}` });
  };
  raise("down", "backend_down", "error", "does not answer", "do not answer", ({ name, last_failure }) => {
    const { at } = object(last_failure);
    return item(failed(last_failure), text(name), at ? ago(at, nowMs) : "");
  });
  raise("strained", "backend_strained", "warning", "is strained", "are strained", (each) => item(
    `${count(each.in_flight)} in flight of ${count(each.limit)}, ${count(each.queued)} in line, ${rate(each.calls_per_s)} calls per second`, text(each.name)));
}

/** Show them. */
export function alerts(all, nowMs) {
  keyed($("alert-list"), all.map((one) => ({ ...one, nowMs })), ({ code }) => code, () => new Banner());
}

class Banner {
  constructor() {
    this.severity = make("span", "severity");
    this.title = make("h3");
    this.since = make("span", "since");
    this.items = make("ul", "items");
    this.rest = make("ul", "items");
    this.steps = make("div", "steps");
    this.commands = make("ul", "commands");
    this.more = make("code");
    this.click = make("span");
    this.which = make("span", "unseen");
    this.node = make("article", "alert", unsaid("i", "lamp"), make("div", "", make("header", "", this.title, this.severity, this.since), this.items,
      make("details", "", make("summary", "", this.click, this.which), make("div", "todo", this.rest, this.steps, this.commands, make("p", "since", "More: ", this.more)))));
  }

  update({ code, severity, title, items, since, remedies, commands, more, nowMs }) {
    mark(this.node, "data-tone", TONES[severity]);
    mark(this.node, "data-code", code);
    set(this.severity, severity);
    set(this.title, title);
    set(this.since, since ? `since ${ago(since, nowMs)}` : "");
    set(this.which, `: ${title}`);
    const all = items.filter(({ lead, body }) => lead || body), at = all.length <= AT_ONCE ? all.length : AT_ONCE - 1;
    rows(this.items, all.slice(0, at));
    rows(this.rest, all.slice(at));
    set(this.click, at < all.length ? `What to do, and ${count(all.length - at)} more` : "What to do");
    texts(this.steps, remedies, (step) => make("p", "", step));
    texts(this.commands, commands, (line) => make("li", "", command(line)));
    show(this.commands, commands.length > 0);
    set(this.more, more);
  }
}

function rows(node, items) {
  show(node, items.length > 0);
  keyed(node, items, ({ lead, body }) => `${lead}\n${body}`, ({ lead, body }) => {
    const after = make("span", "since");
    return { node: make("li", "", make("b", "", lead), " ", body, " ", after), update: ({ hint }) => set(after, hint) };
  });
}
