/* The page: performances, a basket and the live gauge. It knows operations and outcomes; wire.js knows the rest. */

import { build, card, wish } from "./backstage.js";
import { enter, make, wipe } from "./ledger.js";
import { call, connect } from "./wire.js";

const $ = (id) => document.getElementById(id);
const state = { session: null, performances: [], held: 0 };

/* Every call of the page goes through here: it is shown while it runs and when it has come back. */
async function run(operation, args = {}, options = {}) {
  const settle = enter(operation);
  const outcome = await call(operation, args, options);
  settle(outcome, {
    again: () => run(operation, args, options).then((next) => absorb(operation, args, next)),
    confirm: confirming(operation),
  });
  absorb(operation, args, outcome);
  return outcome;
}

/* What an outcome changes on the page. An unknown one changes nothing: it is asked for first. */
function absorb(operation, args, outcome) {
  const done = outcome.category === "ok";
  if (operation === "GetPerformances" && done && Array.isArray(outcome.data)) show(outcome.data);
  if (operation === "ReserveTickets" && done) state.held += Number(outcome.data) || 0;
  if (operation === "GetCart" && done && args.sWebSessionID === state.session) state.held = outcome.data?.Seat?.length ?? 0;
  if ((operation === "Checkout" || operation === "ClearCart") && done) state.held = 0;
  if (operation === "GetOrderDetails" && done && outcome.data?.Order) state.held = 0;
  basket(operation, outcome);
}

function confirming(operation) {
  if (operation === "Checkout") return () => run("GetOrderDetails", { SessionKey: state.session, OrderNumber: 0 });
  if (operation === "ReserveTickets") return () => run("GetCart", { sWebSessionID: state.session });
  return null;
}

async function session() {
  if (!state.session) {
    const outcome = await run("GetNewSessionKey", { sIP: "192.0.2.7" });
    if (outcome.category === "ok") state.session = outcome.data;
  }
  return state.session ?? "";
}

async function hold(performance, seats) {
  if (!state.held) await run("ReserveTickets", wish(await session(), performance, seats));
}

async function door(path, body) {
  const reply = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!reply.ok) $("basket").textContent = (await reply.json()).error;
}

function show(performances) {
  state.performances = performances;
  $("bill-empty").hidden = true;
  $("performances").replaceChildren(...performances.map(row));
}

function row(performance) {
  const left = Number(performance.avail_count);
  const when = new Date(performance.perf_dt);
  const day = make("time", "day", make("b", "", String(when.getUTCDate())), make("span", "", when.toLocaleDateString("en-GB", { month: "short", timeZone: "UTC" })));
  day.dateTime = performance.perf_dt;
  const hour = when.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  const offer = performance.on_sale_ind === "N" ? "not on sale yet" : left === 0 ? "sold out" : left === 1 ? "1 seat left" : `${left} seats left`;
  const about = [hour, performance.facility_desc, performance.text1].filter(Boolean).join(" · ");
  const seats = make("select", "", ...[1, 2, 3, 4, 5, 6].map((n) => make("option", "", String(n))));
  seats.value = "2";
  seats.ariaLabel = `Seats for ${performance.description}`;
  const button = make("button", "", "Reserve");
  button.type = "button";
  button.ariaLabel = `Reserve seats for ${performance.description}`;
  button.addEventListener("click", () => reserve(button, performance, Number(seats.value)));
  const item = make("li", "performance",
    day,
    make("div", "what", make("h3", "", performance.description), make("p", "", about)),
    make("p", "offer", make("b", "", `£${Number(performance.price).toFixed(2)}`), make("span", "", offer)),
    make("div", "do", seats, button));
  item.classList.toggle("is-quiet", left === 0 || performance.on_sale_ind === "N");
  return item;
}

async function reserve(button, performance, seats) {
  button.disabled = true;
  try {
    await run("ReserveTickets", wish(await session(), performance.perf_no, seats));
  } finally {
    button.disabled = false;
  }
}

function basket(operation, outcome) {
  const held = state.held === 1 ? "1 seat is held for you." : state.held ? `${state.held} seats are held for you.` : "Your basket is empty.";
  const said = {
    "Checkout ok": `Order ${outcome.data} is confirmed.`,
    "ReserveTickets partial": `Only ${outcome.data} of the seats you wanted were left. ${held}`,
    "ReserveTickets sold_out": `Sold out. ${held}`,
    "ReserveTickets outcome_unknown": "We do not know yet whether the seats were held. Check before you try again.",
    "Checkout outcome_unknown": "We do not know yet whether you paid. Check before you pay again.",
  }[`${operation} ${outcome.state}`];
  $("basket").textContent = said ?? held;
  $("checkout").disabled = $("clear").disabled = !state.held;
}

async function watch() {
  try {
    const stats = await (await fetch("/stats")).json();
    const sum = Object.values(stats.executed).reduce((all, n) => all + n, 0);
    // a logarithmic scale: both 20, its best, and 400, its end, must be seen
    $("gauge-fill").style.inlineSize = `${(Math.log1p(stats.in_flight) / Math.log1p(400)) * 100}%`;
    $("gauge-fill").classList.toggle("is-over", stats.in_flight > 20);
    $("in-flight").textContent = stats.in_flight;
    $("peak").textContent = stats.peak;
    $("executed").textContent = sum;
    $("orphans").textContent = stats.orphans;
    $("backend").textContent = stats.down_s > 0 ? `fell, up in ${Math.ceil(stats.down_s)} s` : condition(stats.controls);
  } catch {
    $("backend").textContent = "not watched";
  }
  setTimeout(watch, 700);
}

function condition(controls) {
  if (controls.dead) return "dead";
  if (controls.freeze) return "frozen";
  if (controls.hangup) return "hanging up";
  if (controls.html) return "answering pages";
  return controls.latency_s ? "slow" : "up";
}

$("list").addEventListener("click", () => run("GetPerformances", { sStartDate: "", sEndDate: "" }));
$("checkout").addEventListener("click", async () => run("Checkout", card(await session())));
$("clear").addEventListener("click", async () => run("ClearCart", { SessionKey: await session() }));
$("wipe").addEventListener("click", wipe);
$("heal").addEventListener("click", () => door("/control", { reset: true }));

connect(await (await fetch("/shop.json")).json());
build({ run, session, hold, door }, $("provoke"));
watch();
run("GetPerformances", { sStartDate: "", sEndDate: "" });
