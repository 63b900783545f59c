/* The ledger: one entry per call, newest first, and a lamp per category that lights when a call lands in it. */

const CATEGORIES = {
  ok: "done", wait: "your turn will come", busy: "come back", limit: "asked too much",
  client: "fix the request", upstream: "the backend’s doing", final: "the answer is no",
};
const EXECUTED = { yes: "executed: yes", no: "executed: no", unknown: "executed: unknown" };
const KEPT = 60;

const ledger = document.getElementById("ledger");
const empty = document.getElementById("ledger-empty");
const lamps = {};

for (const [category, meaning] of Object.entries(CATEGORIES)) {
  const lamp = make("li", "lamp", make("i"), make("span", "", category), make("b", "lamp-count", "0"));
  lamp.dataset.category = category;
  lamp.title = meaning;
  lamps[category] = lamp;
  document.getElementById("lamps").append(lamp);
}

/** Put up an entry for a call that is under way; returns how to settle it with its outcome and what can be done next. */
export function enter(operation) {
  empty.hidden = true;
  const entry = make("li", "entry is-open", make("i", "cue"), make("div", "entry-main", make("b", "state", "on the wire"), make("span", "operation", operation)));
  ledger.prepend(entry);
  while (ledger.children.length > KEPT) ledger.lastElementChild.remove();
  return (outcome, next) => settle(entry, outcome, next);
}

export function wipe() {
  ledger.replaceChildren();
  empty.hidden = false;
  for (const lamp of Object.values(lamps)) lamp.lastElementChild.textContent = "0";
}

function settle(entry, outcome, next) {
  const category = outcome.category in CATEGORIES ? outcome.category : "upstream";
  entry.classList.remove("is-open");
  entry.dataset.category = category;
  light(category, outcome.state);
  const facts = make("dl", "facts");
  for (const [name, value] of facts_of(outcome)) facts.append(make("div", "", make("dt", "", name), make("dd", "", value)));
  const head = make("div", "entry-head",
    make("b", "state", outcome.state),
    make("span", `executed is-${outcome.executed}`, EXECUTED[outcome.executed] ?? "executed: –"));
  const main = make("div", "entry-main", head, make("p", "operation", `${outcome.operation} · ${category}: ${CATEGORIES[category]}`), facts);
  if (outcome.message || outcome.detail) main.append(make("p", "detail", outcome.message ?? firstLine(outcome.detail)));
  const does = advice(outcome, next);
  if (does) main.append(does);
  if (outcome.raw) main.append(make("details", "", make("summary", "", "Reply as it came"), make("pre", "", outcome.raw.slice(0, 4000))));
  entry.replaceChildren(make("i", "cue"), main);
}

function facts_of(outcome) {
  const facts = [["time", `${Math.round(outcome.ms)} ms`]];
  if (outcome.status) facts.push(["HTTP", String(outcome.status)]);
  if (outcome.age !== null && outcome.age !== undefined) facts.push(["age", `${outcome.age} s`]);
  if (outcome.reason) facts.push(["reason", outcome.reason]);
  if (outcome.retry?.how) facts.push(["retry", outcome.retry.after_s === null || outcome.retry.after_s === undefined ? outcome.retry.how : `${outcome.retry.how}, ${outcome.retry.after_s} s`]);
  if (outcome.timing) facts.push(["timing", outcome.timing]);
  if (outcome.requestId) facts.push(["request", outcome.requestId]);
  return facts;
}

/* What a page should offer, by retry.how alone. */
function advice(outcome, { again, confirm } = {}) {
  const how = outcome.retry?.how;
  if (how === "confirm" && confirm) return act("Check whether it went through", confirm);
  if (how !== "wait" || !again) return null;
  const button = act("Try again", again);
  let left = Math.ceil(outcome.retry.after_s ?? 0);
  const tick = () => {
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Try again in ${left} s` : "Try again";
    if (left-- > 0) setTimeout(tick, 1000);
  };
  tick();
  return button;
}

function act(text, run) {
  const button = make("button", "act", text);
  button.type = "button";
  button.addEventListener("click", () => { button.remove(); run(); });
  return button;
}

function light(category, state) {
  const latest = document.getElementById("latest");
  latest.textContent = state;
  latest.parentElement.dataset.category = category;
  const lamp = lamps[category];
  lamp.lastElementChild.textContent = String(Number(lamp.lastElementChild.textContent) + 1);
  lamp.classList.remove("is-lit");
  void lamp.offsetWidth; // so that a second call in a row flashes again
  lamp.classList.add("is-lit");
}

function firstLine(text) {
  return String(text).split("\n")[0].replace(/^(.*---> )?[\w.]+Exception: /, "");
}

export function make(tag, className = "", ...inside) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...inside);
  return element;
}
