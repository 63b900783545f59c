// Standing in line, told from the outside: what is asked when, and what a page hears.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Office, refusal } from "./office.mjs";
import { World, reply } from "./world.mjs";

async function opened(wish, has) {
  const world = new World(), office = new Office(world), tab = await world.tab(has);
  return { world, office, tab, room: tab.join("hamlet", wish) };
}

const JOIN = "POST /.sidecar/rooms/hamlet/join", POLL = "GET /.sidecar/rooms/hamlet/place", CLAIM = "POST /.sidecar/rooms/hamlet/claim";

test("a visitor joins, polls when told, claims when called, and polls on with his pass", async () => {
  const { world, office, tab, room } = await opened({ account: "ann" });
  await world.pass(9000);
  assert.deepEqual(world.paths(), [JOIN]);
  assert.deepEqual(JSON.parse(world.asked[0].body), { account: "ann" });
  assert.equal(room.place, "p1");
  await world.pass(2000);
  assert.equal(world.asked[1].headers.get("Sidecar-Place"), "p1");
  office.word = "called";
  await world.pass(10000);
  assert.deepEqual(world.paths(), [JOIN, POLL, POLL, CLAIM]);
  assert.equal(room.pass, "pass-1");
  office.next_poll_ms = 60000;
  await world.pass(10000);
  assert.equal(world.asked.at(-1).headers.get("Sidecar-Pass"), "pass-1");
  await world.pass(59000);
  assert.equal(world.asked.length, 5);
  assert.deepEqual(tab.words(), ["waiting", "called", "admitted"]);
});

test("an account is told with the first request although there is a place; without one the place is enough", async () => {
  for (const [wish, first] of [[{}, POLL], [{ session: "s" }, JOIN]]) {
    const world = new World();
    new Office(world);
    const tab = await world.tab();
    world.storage.set("sidecar https://api.example hamlet", '{"place":"old","pass":null}');
    tab.join("hamlet", wish);
    await world.pass(1000);
    assert.deepEqual(world.paths(), [first]);
    assert.equal(world.asked[0].headers.get("Sidecar-Place"), "old");
  }
});

test("a pass in the address is taken out of it, carried by the first call, and its place asked for", async () => {
  const world = new World(), office = new Office(world);
  office.word = "admitted";
  world.storage.set("sidecar https://api.example hamlet", '{"place":"old","pass":null}');
  const tab = await world.tab({ address: "https://shop.example/buy?a=1#sidecar-pass=hamlet:pass-9" });
  assert.equal(tab.address, "https://shop.example/buy?a=1");
  await world.until(tab.api.call("/tickets/json/Reserve", { body: {} }));
  assert.equal(world.asked.at(-1).headers.get("Sidecar-Pass"), "pass-9");
  await world.pass(1000);
  const [first] = world.asked.filter(({ path }) => path.startsWith("/.sidecar/"));
  assert.deepEqual([first.path, first.headers.get("Sidecar-Pass"), first.headers.get("Sidecar-Place")], ["/.sidecar/rooms/hamlet/join", "pass-9", "old"]);
  assert.deepEqual(JSON.parse(first.body), {});
  const room = tab.join("hamlet");
  assert.equal(room.pass, "pass-9");
  assert.equal(JSON.parse(world.storage.get("sidecar https://api.example hamlet")).pass, "pass-9");
});

test("a pass from an address that does not count puts nobody in line", async () => {
  const world = new World(), office = new Office(world);
  office.refuse = { join: refusal("pass_expired", "wait", 403, { how: "join" }, { reason: "idle" }) };
  const tab = await world.tab({ address: "https://shop.example/buy#sidecar-pass=hamlet:old" }), room = tab.join("hamlet");
  await world.pass(60000);
  assert.deepEqual(world.paths(), [JOIN]);
  assert.deepEqual([room.over, room.pass, office.joins], [true, null, 0]);
});

test("another fragment is the page's own", async () => {
  for (const address of ["https://shop.example/#seats", "https://shop.example/#sidecar-pass=hamlet", "https://shop.example/?sidecar-pass=hamlet:x"]) {
    const world = new World(), tab = await world.tab({ address });
    await world.pass(1000);
    assert.deepEqual([tab.address, world.asked], [address, []]);
  }
});

test("a place that the page keeps is used where the browser keeps none", async () => {
  for (const [kept, shown] of [[null, "mine"], ['{"place":"p7","pass":null}', "p7"]]) {
    const world = new World();
    new Office(world);
    if (kept) world.storage.set("sidecar https://api.example hamlet", kept);
    (await world.tab()).join("hamlet", { place: "mine", pass: "pass-9" });
    await world.pass(1000);
    assert.equal(world.paths()[0], POLL);
    assert.deepEqual([world.asked[0].headers.get("Sidecar-Place"), world.asked[0].headers.get("Sidecar-Pass")], [shown, "pass-9"]);
  }
});

test("a call carries the pass, and the pass that a reply gives in its place", async () => {
  const { world, office, tab, room } = await opened({ claim: "always" });
  office.word = "called";
  await world.pass(1000);
  world.server = () => reply({ state: "ok", category: "ok", executed: "yes", v: 1 }, { headers: { "Sidecar-Pass": "pass-2" } });
  await world.until(tab.api.call("/tickets/json/Reserve", { body: {} }));
  assert.equal(world.asked.at(-1).headers.get("Sidecar-Pass"), "pass-1");
  assert.equal(room.pass, "pass-2");
  await world.until(tab.api.call("/tickets/json/Reserve", { body: {} }));
  assert.equal(world.asked.at(-1).headers.get("Sidecar-Pass"), "pass-2");
});

test("claim: visible waits for the tab to be looked at, manual for the page, always for nobody", async () => {
  for (const [claim, visible, claims] of [["visible", true, 1], ["visible", false, 0], ["manual", true, 0], ["always", false, 1]]) {
    const { world, office } = await opened({ claim }, { visible });
    office.word = "called";
    await world.pass(5000);
    assert.equal(world.paths().filter((each) => each === CLAIM).length, claims, `${claim} ${visible}`);
  }
});

test("who is called in a hidden tab claims the moment he looks, but not past claim_by on the server's clock", async () => {
  for (const [late, last] of [[false, CLAIM], [true, POLL]]) {
    const { world, office, tab } = await opened({}, { visible: false });
    world.skew_ms = 3.6e6; // the machine is an hour ahead
    office.word = "called";
    office.next_poll_ms = 100000;
    office.claim_by = "2026-12-01T09:00:50Z";
    await world.pass(late ? 55000 : 45000);
    tab.show();
    await world.pass(10);
    assert.equal(world.paths().at(-1), last);
  }
});

test("a claim that failed is not hammered: the place is asked for, then claimed again", async () => {
  const { world, office, room } = await opened({});
  office.word = "called";
  office.refuse = { claim: refusal("overloaded", "busy", 503, { how: "wait", after_s: 4 }) };
  await world.pass(3000);
  assert.deepEqual(world.paths(), [JOIN, CLAIM]);
  office.refuse = null;
  await world.pass(5000);
  assert.deepEqual(world.paths(), [JOIN, CLAIM, POLL, CLAIM]);
  assert.equal(room.pass, "pass-1");
});

test("a pass that was lost on its way is asked for again", async () => {
  const { world, office, tab, room } = await opened({});
  office.word = "admitted";
  await world.pass(2000);
  assert.deepEqual(world.paths(), [JOIN, CLAIM]);
  assert.equal(room.pass, "pass-1");
  assert.deepEqual(tab.words(), ["admitted"]);
});

test("5xx, 429 and no network are waited out, ever longer, as long as told at least; the place stays", async () => {
  const { world, office, tab, room } = await opened({});
  await world.pass(100);
  for (const [status, after_s] of [[503, 0], [500, 0], [429, 30], [502, 0]]) {
    const before = world.asked.length;
    office.refuse = { place: reply("<html>", { status, headers: { "Retry-After": `${after_s}` } }) };
    await world.pass(Math.max(after_s, 10) * 1000);
    assert.ok(world.asked.length <= before + 4);
  }
  assert.equal(room.place, "p1");
  assert.equal(room.queue.visitor, "waiting");
  const before = world.asked.length;
  await world.pass(600_000);
  const often = world.asked.length - before;
  assert.ok(often >= 8 && often <= 21, `${often} in ten minutes`);
  office.refuse = null;
  await world.pass(60000);
  assert.ok(tab.words().every((word) => word === "waiting" || word === "failed"));
  assert.equal(office.joins, 1);
});

test("offline: nothing is lost, and the network's return is a poll at once", async () => {
  const { world, tab, room } = await opened({});
  await world.pass(500);
  tab.connect(false);
  await world.pass(61000);
  assert.equal(room.envelope.state, "offline");
  assert.equal(room.place, "p1");
  const before = world.asked.length;
  tab.connect(true);
  await world.pass(1000);
  assert.deepEqual(world.paths(before), [POLL]);
});

test("looking, coming back and going online poll at once, once a second at most", async () => {
  const { world, tab } = await opened({});
  await world.pass(5000);
  for (let n = 0; n < 50; n++) {
    tab.show(n % 2 === 0);
    tab.fire("pageshow");
    tab.fire("online");
    await world.pass(100);
  }
  assert.ok(world.asked.length >= 5 && world.asked.length <= 7, `${world.asked.length}`);
});

test("a lost place is joined again once, and the event says why; lost again at once, it ends", async () => {
  const { world, office, tab, room } = await opened({});
  await world.pass(500);
  const elsewhere = () => refusal("waiting", "wait", 429, { how: "join", after_s: 2 }, { reason: "other_replica", server_time: world.server_time() });
  office.refuse = { place: elsewhere };
  await world.pass(60000);
  assert.deepEqual(world.paths(), [JOIN, POLL, JOIN, POLL]);
  assert.deepEqual(tab.events, [["waiting", "ok", null], ["lost", "waiting", "other_replica"], ["waiting", "ok", null], ["lost", "waiting", "other_replica"], ["over", "waiting", "other_replica"]]);
  assert.equal(room.over, true);
  assert.equal(office.joins, 2);
  office.refuse = null;
  room.join();
  await world.pass(1100);
  assert.equal(world.paths().at(-1), JOIN);
  assert.equal(room.over, false);
});

test("an end is an end: nothing more is asked, and a new join is a new room", async () => {
  for (const word of ["left", "released", "forfeited"]) {
    const { world, office, tab, room } = await opened({});
    office.word = word;
    await world.pass(100);
    assert.deepEqual(tab.words(), [word, "over"]);
    const before = world.asked.length;
    await world.pass(3.6e6);
    assert.equal(world.asked.length, before);
    assert.equal(room.place, null);
    assert.notEqual(tab.api.join("hamlet"), room);
  }
});

test("who has run out keeps his place, and asks on when he is told to", async () => {
  for (const [poll, over] of [[20000, false], [null, true]]) {
    const { world, office, tab, room } = await opened({});
    await world.pass(100);
    Object.assign(office, { word: "expired", next_poll_ms: poll });
    await world.pass(10000);
    assert.equal(room.over, over);
    assert.equal(room.place, "p1");
    assert.deepEqual(tab.words(), over ? ["waiting", "expired", "over"] : ["waiting", "expired"]);
  }
});

test("a sale that is closed, an account at its limit and a remedy to be taken end it with their reason", async () => {
  for (const [state, category, status, how] of [["sale_closed", "final", 410, "never"], ["account_limit", "client", 403, "fix"], ["verify_required", "client", 403, "fix"]]) {
    const { world, office, tab } = await opened({});
    office.refuse = { join: refusal(state, category, status, { how }) };
    await world.pass(60000);
    assert.deepEqual(tab.events, [["failed", state, undefined], ["over", state, undefined]]);
    assert.equal(world.asked.length, 1);
  }
});

test("a paused room is waited for, for as long as it says", async () => {
  const { world, office, tab } = await opened({});
  office.refuse = { join: refusal("paused", "wait", 503, { how: "wait", after_s: 15 }) };
  await world.pass(14000);
  assert.equal(world.asked.length, 1);
  office.refuse = null;
  await world.pass(2000);
  assert.deepEqual(tab.words(), ["failed", "waiting"]);
});

test("leave and release say so to the sidecar; close does not", async () => {
  const { world, room, tab } = await opened({});
  await world.pass(100);
  room.close();
  await world.pass(60000);
  assert.deepEqual(world.paths(), [JOIN]);
  assert.deepEqual(JSON.parse(world.storage.get("sidecar https://api.example hamlet")), { place: "p1", pass: null });
  const again = tab.join("hamlet");
  await world.pass(100);
  assert.equal((await again.leave()).queue.visitor, "left");
  assert.equal(world.paths().at(-1), "POST /.sidecar/rooms/hamlet/leave");
  assert.equal(world.asked.at(-1).headers.get("Sidecar-Place"), "p1");
  assert.equal(again.over, true);
});

test("near the front a poll may be held", async () => {
  const { world, office } = await opened({});
  office.ahead = 20;
  office.next_poll_ms = 3000;
  await world.pass(4000);
  assert.deepEqual(world.paths(), [JOIN, `${POLL}?wait=20`]);
  office.word = "parked";
  await world.pass(6000);
  assert.equal(world.paths().at(-1), POLL);
});

test("in the lobby nobody is near", async () => {
  const { world, office } = await opened({});
  Object.assign(office, { ahead: null, word: "lobby" });
  await world.pass(11000);
  assert.deepEqual(world.paths(), [JOIN, POLL]);
});

test("a poll that was overtaken takes nothing back", async () => {
  const { world, office, tab, room } = await opened({ claim: "manual" });
  office.word = "called";
  await world.pass(9500);
  const old = office.answer({ method: "GET", path: "/.sidecar/rooms/hamlet/place", headers: new Headers() });
  let release;
  office.refuse = { place: new Promise((done) => (release = () => done(old))) };
  await world.pass(1500);
  office.refuse = null;
  room.claim();
  await world.pass(10);
  release();
  await world.pass(10);
  assert.equal(room.queue.visitor, "admitted");
  assert.deepEqual(tab.words(), ["called", "admitted"]);
});

// --- several tabs

test("two tabs are one poller; both hear everything; one place", async () => {
  const { world, office, tab, room } = await opened({});
  await world.pass(1500);
  const second = await world.tab({ visible: false }), other = second.join("hamlet");
  await world.pass(100_000);
  assert.equal(office.joins, 1);
  assert.equal(other.place, "p1");
  assert.ok(world.asked.length <= 12, `${world.asked.length}`);
  assert.ok(world.asked.every((each) => each.tab === tab));
  office.word = "called";
  await world.pass(10000);
  assert.deepEqual(second.words(), ["waiting", "called", "admitted"]);
  assert.equal(other.pass, "pass-1");
  assert.equal(room.pass, "pass-1");
});

test("the tab that is looked at is the one that asks", async () => {
  const { world, tab } = await opened({});
  await world.pass(1500);
  const second = await world.tab({ visible: false });
  second.join("hamlet");
  await world.pass(20000);
  tab.show(false);
  second.show();
  await world.pass(100);
  const before = world.asked.length;
  await world.pass(100_000);
  const later = world.asked.slice(before);
  assert.ok(later.length >= 9 && later.length <= 11, `${later.length}`);
  assert.ok(later.every((each) => each.tab === second));
});

test("the asking tab is closed: another takes over, with the place", async () => {
  const { world, office, tab } = await opened({});
  await world.pass(1500);
  const second = await world.tab({ visible: false }), other = second.join("hamlet");
  await world.pass(5000);
  tab.close();
  await world.pass(30000);
  assert.ok(world.asked.filter((each) => each.tab === second).length >= 3);
  assert.equal(office.joins, 1);
  assert.equal(other.place, "p1");
});

test("tabs that open at once join once, however long that takes", async () => {
  const world = new World(), office = new Office(world), answer = world.server;
  world.server = (request) => new Promise((done) => world.later(() => done(answer(request)), 2000));
  const tabs = [await world.tab(), await world.tab(), await world.tab()];
  tabs.forEach((tab) => tab.join("hamlet"));
  await world.pass(30000);
  assert.equal(office.joins, 1);
  assert.ok(world.asked.length <= 5);
  assert.ok(tabs.every((tab) => tab.words()[0] === "waiting"));
});

test("the asking tab is closed in the moment in which another is looked at", async () => {
  const { world, tab } = await opened({});
  await world.pass(1500);
  const second = await world.tab({ visible: false });
  second.join("hamlet");
  await world.pass(5000);
  tab.close();
  second.show();
  await world.pass(35000);
  const often = world.asked.filter((each) => each.tab === second).length;
  assert.ok(often >= 3 && often <= 5, `${often}`);
});

test("events in a heap, from both tabs: one asks in the end, and somebody does", async () => {
  const { world, office, tab } = await opened({});
  await world.pass(1500);
  const second = await world.tab();
  second.join("hamlet");
  for (let n = 0; n < 40; n++) {
    const each = n % 3 ? second : tab;
    each.show(n % 5 < 3);
    each.fire("pageshow");
    each.fire("pageshow");
    if (n % 4 === 0) await world.pass(n * 10);
  }
  await world.pass(2000);
  for (const each of [tab, second]) each.show(each === tab);
  await world.pass(2000);
  const before = world.asked.length;
  await world.pass(100_000);
  const asked = world.asked.slice(before);
  assert.ok(asked.length >= 9 && asked.length <= 11, `${asked.length}`);
  assert.ok(asked.every((each) => each.tab === tab));
  assert.equal(office.joins, 1);
});

test("storage is blocked: the place is in memory, and the other tabs hear of it", async () => {
  const { world, office, room } = await opened({}, { storage: false });
  await world.pass(5000);
  assert.equal(room.place, "p1");
  const second = await world.tab({ storage: false }), other = second.join("hamlet");
  await world.pass(30000);
  assert.equal(other.place, "p1");
  assert.equal(office.joins, 1);
});

test("without locks, without channels, or where both are forbidden, each tab asks for itself", async () => {
  for (const has of [{ locks: false }, { channel: false }, { locks: "forbidden" }, { locks: false, channel: false, storage: false }]) {
    const { world, tab } = await opened({}, has);
    const second = await world.tab(has);
    second.join("hamlet");
    await world.pass(30000);
    assert.ok([tab, second].every((each) => each.words()[0] === "waiting"), JSON.stringify(has));
    assert.ok([tab, second].every((each) => world.asked.filter(({ tab }) => tab === each).length >= 3));
    assert.ok(world.asked.length <= 10);
  }
});

test("a closed room lets another tab ask, and an ended one is ended in all tabs", async () => {
  const { world, office, tab, room } = await opened({});
  await world.pass(1500);
  const second = await world.tab({ visible: false });
  second.join("hamlet");
  await world.pass(100);
  room.close();
  await world.pass(25000);
  assert.equal(world.asked.at(-1).tab, second);
  const third = await world.tab({ visible: false }), other = third.join("hamlet");
  await world.pass(100);
  await other.leave();
  await world.pass(100);
  assert.deepEqual(second.words(), ["waiting", "left", "over"]);
  const before = world.asked.length;
  await world.pass(100_000);
  assert.equal(world.asked.length, before);
  assert.ok(tab);
});

// --- a call that needs a pass

test("a call joins the room, waits for its turn however long, and is repeated once with the pass", async () => {
  const world = new World(), office = new Office(world), tab = await world.tab();
  const room = world.server;
  world.server = (request) => {
    if (request.path.startsWith("/.sidecar/")) return room(request);
    if (request.headers.get("Sidecar-Pass") === "pass-1") return reply({ state: "ok", category: "ok", executed: "yes", data: 7, v: 1 });
    return refusal("waiting", "wait", 429, { how: "join", after_s: 2 }, { room: { name: "hamlet", state: "open" }, links: { join: "/.sidecar/rooms/hamlet/join" } });
  };
  world.later(() => (office.word = "called"), 1_800_000);
  const got = await world.until(tab.api.call("/tickets/json/Reserve", { body: {}, room: true }));
  assert.equal(got.data, 7);
  assert.ok(world.ms > 1_800_000);
  assert.equal(world.paths().filter((path) => path.includes("/tickets/")).length, 2);
});

test("a call without leave to join tells of the room and does not join", async () => {
  const { world, tab } = await opened({});
  await world.pass(100);
  world.server = () => refusal("waiting", "wait", 429, { how: "join", after_s: 2 }, { room: { name: "hamlet", state: "open" } });
  const before = world.asked.length, got = await world.until(tab.api.call("/tickets/json/Reserve", { body: {} }));
  assert.equal(got.state, "waiting");
  assert.equal(world.asked.length, before + 1);
});

test("a pass that has run out: the room is joined again, the call repeated once and no more", async () => {
  const { world, office, tab, room } = await opened({});
  office.word = "called";
  await world.pass(2000);
  const answer = world.server;
  let calls = 0;
  world.server = (request) => {
    if (request.path.startsWith("/.sidecar/")) return answer(request);
    calls++;
    office.word = "called";
    return refusal("pass_expired", "wait", 403, { how: "join", after_s: 1 }, { reason: "idle", room: { name: "hamlet", state: "open" } });
  };
  const got = await world.until(tab.api.call("/tickets/json/Reserve", { body: {}, room }));
  assert.equal(got.state, "pass_expired");
  assert.equal(calls, 2);
  assert.deepEqual(world.paths().filter((path) => !path.includes("tickets")).slice(2, 4), [JOIN, CLAIM]);
});

test("a room that ends while a call waits for it ends the call with its refusal; so does giving up", async () => {
  for (const giving_up of [false, true]) {
    const { world, office, tab, room } = await opened({});
    await world.pass(100);
    const answer = world.server, stop = new AbortController();
    world.server = (request) => (request.path.startsWith("/.sidecar/") ? answer(request) : refusal("waiting", "wait", 429, { how: "join" }));
    world.later(() => (giving_up ? stop.abort() : (office.word = "forfeited")), 50000);
    const got = await world.until(tab.api.call("/tickets/json/Reserve", { body: {}, room, signal: stop.signal }));
    assert.deepEqual([got.state, got.executed], [giving_up ? "aborted" : "waiting", "no"]);
  }
});

test("a room that is closed while a call waits for it ends the call", async () => {
  const { world, tab, room } = await opened({});
  await world.pass(100);
  const answer = world.server;
  world.server = (request) => (request.path.startsWith("/.sidecar/") ? answer(request) : refusal("waiting", "wait", 429, { how: "join" }));
  world.later(() => room.close(), 5000);
  const got = await world.until(tab.api.call("/tickets/json/Reserve", { body: {}, room }));
  assert.deepEqual([got.state, got.executed, world.ms], ["waiting", "no", 5100]);
});

test("a refusal that names no room joins none", async () => {
  const world = new World(), tab = await world.tab();
  world.server = () => refusal("waiting", "wait", 429, { how: "join" });
  const got = await world.until(tab.api.call("/x", { body: {}, room: true }));
  assert.deepEqual([got.state, got.executed, world.asked.length], ["waiting", "no", 1]);
});

test("the asking tab is hidden, another is looked at: that one claims", async () => {
  const { world, office, tab, room } = await opened({});
  await world.pass(1500);
  const second = await world.tab();
  second.join("hamlet");
  await world.pass(5000);
  second.show(false);
  office.word = "called";
  await world.pass(15000);
  assert.equal(room.pass, "pass-1");
  assert.equal(world.asked.find(({ path }) => path.endsWith("claim")).tab, tab);
  assert.equal(world.paths().filter((each) => each === CLAIM).length, 1);
});

test("both tabs are looked at: one claims", async () => {
  const { world, office } = await opened({});
  await world.pass(1500);
  const second = await world.tab();
  second.join("hamlet");
  office.word = "called";
  await world.pass(15000);
  assert.equal(world.paths().filter((each) => each === CLAIM).length, 1);
});

test("a pass that a call was given is every tab's; an old refusal takes no newer one away", async () => {
  const { world, office, tab, room } = await opened({});
  office.word = "called";
  await world.pass(2000);
  const second = await world.tab({ visible: false }), other = second.join("hamlet");
  await world.pass(100);
  const answer = world.server;
  let late;
  world.server = (request) => {
    if (request.path.startsWith("/.sidecar/")) return answer(request);
    if (request.path === "/late") return new Promise((done) => (late = done));
    return reply({ state: "ok", category: "ok", executed: "yes", v: 1 }, { headers: { "Sidecar-Pass": "pass-2" } });
  };
  const slow = tab.api.call("/late", { body: {} });
  await world.until(tab.api.call("/x", { body: {} }));
  await world.pass(10);
  assert.equal(other.pass, "pass-2");
  late(refusal("pass_expired", "wait", 403, { how: "join" }, { room: { name: "hamlet", state: "open" } }));
  assert.equal((await world.until(slow)).state, "pass_expired");
  assert.equal(room.pass, "pass-2");
});

test("what somebody on the way says does not end it, nor does a claim before its time", async () => {
  const { world, office, tab, room } = await opened({ claim: "manual" });
  await world.pass(100);
  office.refuse = { place: reply("<html>", { status: 404 }), claim: refusal("waiting", "wait", 429, { how: "join" }, { reason: "no_pass" }) };
  await world.pass(60000);
  await room.claim();
  assert.deepEqual([room.over, room.place], [false, "p1"]);
  assert.ok(!tab.words().includes("lost"));
});

test("who leaves a place that is not known has left", async () => {
  const { world, office, tab, room } = await opened({});
  await world.pass(100);
  office.refuse = { leave: refusal("waiting", "wait", 429, { how: "join" }, { reason: "no_place" }) };
  await room.leave();
  await world.pass(60000);
  assert.deepEqual(tab.words(), ["waiting", "lost", "over"]);
  assert.equal(office.joins, 1);
});

test("after an end it can be joined again, also where locks are forbidden", async () => {
  for (const has of [{}, { locks: "forbidden" }, { locks: false }]) {
    const { world, office, tab, room } = await opened({}, has);
    await world.pass(1500);
    await room.leave();
    assert.equal(room.over, true);
    office.word = "waiting";
    room.join();
    await world.pass(25000);
    assert.deepEqual([office.joins, room.place, room.over], [2, "p2", false]);
    assert.deepEqual(world.paths().slice(-2), [POLL, POLL]);
    assert.deepEqual(tab.words(), ["waiting", "left", "over", "waiting"]);
  }
});
