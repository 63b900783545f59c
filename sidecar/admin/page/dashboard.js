/* The dashboard: asks for the status once a second, shows it, says loudly when none comes. It gives no orders. */

import { alert, alerts, alertsOf, item, TONES } from "./alerts.js";
import { backends, repaint } from "./cards.js";
import { $, bar, command, define, mark, set, show, Table, texts, worded } from "./draw.js";
import { History, SPAN_S } from "./history.js";
import { ago, bytes, clock, count, instant, joined, list, many, most, number, object, quoted, share, span, text, UNKNOWN } from "./say.js";
import { MECHANISMS, STATES, word } from "./words.js";

const EVERY_S = 1;
const PATIENCE_S = 5; // a status takes milliseconds
const BACKOFF_S = 10; // at most: within this it is seen that it is back

const history = new History();
let status = null; // the last one that came
let cameAt = 0; // when, on this page's own clock
let trouble = null; // of the last ask: { code, said, locked }
let failures = 0;
let askAt = 0;
let asking = false;
let paused = false;
let told = new Map(); // what the live region knows of
let timer = 0;

const seconds = () => performance.now() / 1000;

/* The sidecar's time of day: this browser's clock may be wrong by hours. */
function now() {
  const said = instant(status?.server_time);
  return said === null ? null : said + (seconds() - cameAt) * 1000;
}

async function ask() {
  if (asking) return;
  asking = true;
  const came = await fetched();
  asking = false;
  failures = came.status ? 0 : failures + 1;
  trouble = came.status ? null : came;
  if (came.status) {
    ({ status } = came);
    cameAt = seconds();
    history.add(cameAt, status);
  }
  askAt = seconds() + Math.min(BACKOFF_S, EVERY_S * 2 ** Math.max(0, failures - 1));
  render();
  wait();
}

async function fetched() {
  try {
    const headers = $("token").value ? { Authorization: `Bearer ${$("token").value}` } : {};
    const reply = await fetch("status?format=json", { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_S * 1000) });
    const said = object(await reply.json().catch((error) => { if (error.name !== "SyntaxError") throw error; }));
    if (reply.ok && Array.isArray(said.backends)) return { status: said };
    return { code: "unreadable", locked: reply.status === 401, said: joined(", ", `HTTP ${reply.status}`, reply.headers.get("Content-Type"), said.text, said.remedy) };
  } catch (error) {
    return { code: "gone", said: error?.name === "TimeoutError" ? `nothing came for ${PATIENCE_S} s` : "the connection failed" };
  }
}

/* One timer: it asks when it is time to, and until then lets clocks go on. */
function wait() {
  clearTimeout(timer);
  if (document.hidden || paused || trouble?.locked) return; // only a token helps
  timer = setTimeout(() => {
    if (seconds() >= askAt - 0.05) return void ask();
    render();
    wait();
  }, EVERY_S * 1000);
}

function resume() {
  clearTimeout(timer);
  if (!document.hidden && !paused) ask();
}

function render() {
  try {
    draw();
  } catch (error) { // a bug of this page must not pass for a silent sidecar
    set($("said"), "This page has a bug: see `sidecar status`");
    console.error(error);
  }
}

function draw() {
  const at = now(), all = [...own(at), ...(status ? alertsOf(status, at) : [])];
  alerts(all, at);
  show($("no-alerts"), !all.length);
  if (trouble?.locked) show($("token").parentNode, true);
  document.body.classList.toggle("is-old", trouble !== null || paused);
  verdict(all);
  announce(all);
  if (!status) return;
  facts(at);
  backends({ status, history, nowMs: at });
  refusals(object(status.refusals));
  answers(object(status.states));
  holds(object(status.connections), object(status.buffered), object(status.listeners));
  settings(object(status.config), at);
}

/* What the page knows by itself. */
function own(at) {
  if (!trouble) return [];
  const last = status && clock(instant(status.server_time), at);
  const one = alert(trouble.code, "error", item(`${trouble.said}${trouble.locked ? "" : `; asking again in ${span(askAt - seconds())}`}.`), item(last ? `The figures below are those of ${last}.` : "There are no figures yet."));
  if (trouble.code === "gone") one.title = last ? `No answer since ${last}, ${span(seconds() - cameAt)} ago` : "No answer yet";
  one.more = "docs/operations.md#at-three-in-the-morning";
  return [one];
}

function verdict(all) {
  const [worst] = all;
  let said = worst?.title ?? "All well";
  if (all.length > 1) said += `, and ${many(all.length - 1, "more alert")}`;
  if (paused) said = `Paused, nothing moves. ${said}`;
  set($("said"), said);
  mark($("verdict"), "data-tone", worst ? TONES[worst.severity] : "ok");
  set($("n-alerts"), all.length ? count(all.length) : "");
  set(document.querySelector("title"), `${said} · sidecar`);
}

/* Only what is new or over is said aloud, not what counts down. */
function announce(all) {
  const before = told, codes = new Set(all.map(({ code }) => code));
  told = new Map(all.map(({ code, title, items }) => [joined("\n", code, ...items.map(({ lead }) => lead)), title]));
  const fresh = [...told].filter(([key]) => !before.has(key)).map(([, title]) => title);
  const over = [...before].filter(([key]) => !codes.has(key.split("\n")[0])).map(([, title]) => `Over: ${title}`);
  if (fresh.length || over.length) set($("live"), [...fresh, ...over].join(". "));
}

function yes(value) {
  return value === true ? "yes" : value === false ? "no" : UNKNOWN;
}

function facts(at) {
  define($("facts"), [
    ["takes calls", status.draining === true ? "no, draining" : yes(status.ready)],
    ["up", span(status.uptime_s)],
    ["settings", text(object(status.config).id)],
    ["version", text(status.version)],
    ["process", text(status.pid)],
    ["status of", clock(instant(status.server_time), at)],
  ]);
  set($("n-backends"), count(status.backends.length));
}

const tables = {
  refusals: new Table($("refusals"), [
    ["state", "wide", (cell, row) => worded(cell, text(row.state), word(STATES, row.state))],
    ["refused by", "wide", (cell, row) => worded(cell, text(row.mechanism), word(MECHANISMS, row.mechanism))],
    ["backend", "", (cell, row) => set(cell, text(row.backend, "before any"))],
    ["count", "number", (cell, row) => set(cell, count(row.count))],
    ["last", "", (cell, row) => set(cell, ago(row.last_at, now()))],
  ]),
  answers: new Table($("answers"), [
    ["state", "widest", (cell, row) => worded(cell, row.state, word(STATES, row.state))],
    ["count", "number", (cell, row) => set(cell, count(row.count))],
    ["share", "", (cell, row) => (cell.put ??= bar(cell))(share(row.count, row.all), row.count, row.all)],
  ]),
  history: new Table($("history"), [
    ["id", "wide", (cell, row) => worded(cell, text(row.id), row.current === true ? "in force" : "")],
    ["loaded", "", (cell, row) => set(cell, ago(row.loaded_at, now()))],
    ["to go back", "", (cell, row) => texts(cell, row.current === true ? [] : [`sidecar config use ${quoted(row.id)} --reason WHY`], command)],
  ]),
};

function refusals({ by, window_s, total }) {
  const window = span(number(window_s) ?? SPAN_S);
  set($("n-refusals"), total > 0 ? count(total) : "");
  tables.refusals.fill(most(by), (row) => joined("\n", row.backend, row.state, row.mechanism),
    `What was turned away in the last ${window}, and which part of the sidecar did it`, `Nothing was refused in the last ${window}.`);
}

function answers({ by, window_s }) {
  const window = span(number(window_s) ?? SPAN_S), counts = new Map();
  let all = 0;
  for (const { state, count: n } of list(by)) {
    counts.set(text(state), (counts.get(text(state)) ?? 0) + (number(n) ?? 0));
    all += number(n) ?? 0;
  }
  tables.answers.fill(most([...counts].map(([state, n]) => ({ state, count: n, all }))), (row) => row.state,
    `What callers were told in the last ${window}, all backends together`, `Nobody has called in the last ${window}.`);
}

function holds(connections, buffered, listeners) {
  const where = (name) => joined(", ", ...[listeners[name]].flat()) || "none of its own";
  define($("holds"), [
    ["connections", `${count(connections.open)} open of ${count(connections.limit)}, ${count(connections.idle)} idle`, connections.open, connections.limit],
    ["buffered", `${bytes(buffered.bytes)} of ${bytes(buffered.limit_bytes)}, ${bytes(buffered.peak_bytes)} at most so far`, buffered.bytes, buffered.limit_bytes],
    ["answers kept", count(status.kept?.answers)],
    ["log lines dropped", count(object(status.log).dropped)],
  ]);
  define($("listeners"), [...["public", "admin", "metrics"].map((name) => [`${name} listener`, where(name)]), ["aiohttp", text(status.aiohttp)]]);
}

function settings(config, at) {
  const last = object(config.last_reload);
  define($("reload"), [
    ["file", text(config.file)],
    ["in force since", ago(config.loaded_at, at)],
    ["differs from disk", yes(config.differs_from_disk)],
    ["last reload", config.last_reload === null ? "none since the start" : `${ago(last.at, at)}${last.ok === false ? ": failed, nothing changed" : ""}`],
    ...(config.last_reload === null ? [] : [["asked for by", joined(", ", last.by, last.actor) || UNKNOWN], ["it said", text(last.text)]]),
    ...list(last.changes).map(({ key, before, after, effect }) => [text(key), `${text(before)} → ${text(after)}, ${text(effect)}`]),
  ]);
  tables.history.fill(list(config.history), (row) => text(row.id), "The last good settings; the command puts them back", "No earlier settings are kept.");
}

function pause() {
  paused = !paused;
  set($("pause"), paused ? "Go on" : "Pause");
  mark($("pause"), "aria-pressed", String(paused));
  if (status) render();
  resume();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || $("keys").open || !$("single-keys").checked || event.target === $("token")) return;
  const title = document.querySelectorAll("section > h2")[event.key - 1], key = event.key.toLowerCase();
  if (title) {
    title.scrollIntoView();
    title.focus({ preventScroll: true });
  } else if (key === "?") $("keys").showModal();
  else if (key === "p") pause();
  else if (key === "t") $("theme").click();
  else return;
  event.preventDefault();
});

$("pause").addEventListener("click", pause);
$("token").addEventListener("change", resume);
$("show-keys").addEventListener("click", () => $("keys").showModal());
document.documentElement.addEventListener("theme", repaint);
addEventListener("resize", repaint);
document.addEventListener("visibilitychange", resume);

ask();
