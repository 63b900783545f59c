/* The page: performances and a basket. It knows operations and outcomes; wire.js knows how they are asked for, turn.js who waits. */

import { build, card, wish } from "./backstage.js";
import * as gala from "./gala.js";
import { enter, make, wipe } from "./ledger.js";
import { open } from "./panel.js";
import { turn, waits } from "./turn.js";
import { call, connect } from "./wire.js";

const $ = (id) => document.getElementById(id);
const state = { session: null, performances: [], held: 0, busy: new Set() };

/* Every call of the page goes through here: it is shown while it runs and when it has come back. Where it was held up in line it comes
 * back by itself, with the place that it was given, as often as it is told to. */
async function run(operation, args = {}, options = {}) {
  const line = turn(operation);
  for (let place = null; ;) {
    const settle = enter(operation);
    const outcome = await call(operation, args, { ...options, place });
    const back = waits(outcome);
    settle(outcome, back ? {} : { again: () => run(operation, args, options), confirm: confirming(operation) });
    absorb(operation, args, outcome);
    if (!back || !(await line.come(outcome))) {
      line.end(outcome);
      return outcome;
    }
    place = outcome.queue?.place ?? null;
  }
}

/* What an outcome changes on the page. An unknown one changes nothing: it is asked for first. */
function absorb(operation, args, outcome) {
  const done = outcome.category === "ok";
  if (operation === "GetPerformances" && done) show(outcome.data?.Performance ?? []);
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

async function door(path, body, quiet = false) {
  const reply = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!reply.ok && !quiet) $("basket").textContent = (await reply.json()).error;
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

const reserve = (button, performance, seats) =>
  once(button, async () => run("ReserveTickets", wish(await session(), performance.perf_no, seats)));

/* One click, one call: while it waits in line its button does nothing. */
async function once(button, act) {
  state.busy.add(button);
  button.disabled = true;
  try {
    await act();
  } finally {
    state.busy.delete(button);
    button.disabled = false;
    tidy();
  }
}

function tidy() {
  for (const button of [$("checkout"), $("clear")]) button.disabled = !state.held || state.busy.has(button);
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
  tidy();
}

const click = (id, act) => $(id).addEventListener("click", () => once($(id), act));

click("list", () => run("GetPerformances", { sStartDate: "", sEndDate: "" }));
click("checkout", async () => run("Checkout", card(await session())));
click("clear", async () => run("ClearCart", { SessionKey: await session() }));
$("wipe").addEventListener("click", wipe);
$("heal").addEventListener("click", () => door("/control", { reset: true }));

const where = await (await fetch("/shop.json")).json();
connect(where);
build({ run, session, hold, door }, $("provoke"));
open(door, gala.crowd);
gala.open({
  door,
  reserve: async (performance, pass) => run("ReserveTickets", wish(await session(), performance, 2), { pass }),
  checkout: async (pass) => run("Checkout", card(await session()), { pass }),
}, where);
run("GetPerformances", { sStartDate: "", sEndDate: "" });
