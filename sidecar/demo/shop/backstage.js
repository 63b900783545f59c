/* Backstage: one button per state worth seeing. Each says what it breaks, breaks it, and makes the call that shows it. */

import { make } from "./ledger.js";

/** `shop`: { run(operation, args, options), session(), hold(performance, seats), door(path, wish) } */
export function build(shop, at) {
  for (const [title, acts] of groups(shop)) {
    const list = make("div", "acts");
    for (const [text, state, run] of acts) {
      const button = make("button", "provocation", make("span", "", text), make("code", "", state));
      button.type = "button";
      button.addEventListener("click", async () => {
        button.disabled = true;
        try { await run(); } finally { button.disabled = false; }
      });
      list.append(button);
    }
    at.append(make("div", "group", make("h3", "", title), list));
  }
}

function groups({ run, session, hold, door }) {
  const list = () => run("GetPerformances", { sStartDate: "", sEndDate: "" });
  const hello = () => run("HelloWorld");
  const hurt = (wish) => door("/control", { reset: true, ...wish }); // one trouble at a time
  const reserve = async (performance, seats) => run("ReserveTickets", wish(await session(), performance, seats));
  return [
    ["Break the backend", [
      ["Kill it for 6 s, then greet it", "backend_unreachable", async () => { await hurt({ dead: true, for_s: 6 }); await hello(); }],
      ["Kill it for 20 s, then list", "stale", async () => { await hurt({ dead: true, for_s: 20 }); await pause(5500); await list(); }],
      ["Kill it for 6 s, then ask for postage", "fallback", async () => {
        await hurt({ dead: true, for_s: 6 });
        await run("GetShippingMethods");
      }],
      ["Lose the reply to a payment", "outcome_unknown", async () => {
        await hold(1206, 1);
        await hurt({ hangup: true, for_s: 2 });
        await run("Checkout", card(await session()));
      }],
      ["Freeze it while a seat is reserved", "outcome_unknown", async () => {
        const key = await session();
        await hurt({ freeze: true, for_s: 8 });
        await run("ReserveTickets", wish(key, 1206, 1));
      }],
      ["Let it answer a web page", "backend_bad_reply", async () => { await hurt({ html: 200, for_s: 2 }); await hello(); }],
      ["Freeze it and send 150 people", "overloaded", async () => {
        await hurt({ freeze: true, for_s: 8 });
        await door("/rush", { people: 150, for_s: 1 });
        await pause(1500);
        await hello();
      }],
    ]],
    ["Ask again", [
      ["List twice", "cached", async () => {
        await list();
        await pause(500); // one that is stale is renewed meanwhile
        if ((await list()).state === "cached") return;
        await pause(500); // it had grown old between the two
        await list();
      }],
      ["Pay twice with one key", "replayed", async () => {
        await hold(1206, 1);
        const key = crypto.randomUUID();
        for (const _ of [1, 2]) await run("Checkout", card(await session()), { key });
      }],
      ["Four sales reports in a row", "rate_limited", () => Promise.all([1, 2, 3, 4].map(() => run("GetSalesReport", { iRows: 1 })))],
    ]],
    ["Send a crowd", [
      ["200 people, through the sidecar", "the backend stays at its best", () => door("/rush", { people: 200, for_s: 4 })],
      ["600 people, past the sidecar", "the backend falls", async () => {
        await door("/rush", { people: 600, for_s: 1, past: true });
        await pause(1800);
        await list();
      }],
    ]],
    ["Ask for what the house declines", [
      ["A performance not on sale", "business_no", () => reserve(1203, 2)],
      ["A sold-out one", "sold_out", () => reserve(1204, 2)],
      ["Five seats where three are left", "partial", () => reserve(1205, 5)],
      ["With a session that is none", "backend_fault", () => run("GetCart", { sWebSessionID: "nobody" })],
    ]],
    ["Come to a waiting room", [
      ["Reserve for the gala without a pass", "waiting", () => reserve(1207, 2)],
      ["The same with a pass that is none", "pass_expired", async () => run("ReserveTickets", wish(await session(), 1207, 2), { pass: "none" })],
      ["A matinee that is over", "sale_closed", () => reserve(1200, 2)],
    ]],
    ["Ask wrongly", [
      ["A denied operation", "operation_denied", () => run("DestroyCache")],
      ["Broken JSON", "malformed", () => run("HelloWorld", {}, { spoil: "json" })],
      ["A path nobody has", "not_found", () => run("HelloWorld", {}, { spoil: "path" })],
      ["A body of 2 MiB", "too_large", () => run("HelloWorld", {}, { spoil: "size" })],
      ["Seats that are no number", "invalid_params", async () => run("ReserveTickets", wish(await session(), 1206, "two"))],
    ]],
  ];
}

export function wish(session, performance, seats) {
  return { sWebSessionID: session, sPriceType: "A", iPerformanceNumber: performance, iNumberOfSeats: seats, iZone: 1 };
}

export function card(session) {
  return { sSessionKey: session, sCCOwner: "A. Visitor", sCCNumber: "4111111111111111", iCCType: 1, iCCMonth: 12, iCCYear: 2030 };
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
