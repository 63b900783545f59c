// A call, told from the outside. Whether each state is repeated is asked by test_sidecar.py, from the table of states.
import assert from "node:assert/strict";
import { test } from "node:test";
import { World, reply } from "./world.mjs";

const CATEGORIES = ["ok", "wait", "busy", "limit", "client", "upstream", "final"];

/** One call against a server that does this; what came of it and what was asked. */
async function called(server, wish = {}, { path = "/tickets/json/Reserve", options = {}, has = {} } = {}) {
  const world = new World(), tab = await world.tab({ ...has, options });
  if (server) world.server = server;
  const end = await world.until(tab.api.call(path, wish));
  return { world, tab, end, asked: world.asked };
}

function sound(end, told) {
  assert.ok(end && typeof end === "object", told);
  assert.equal(typeof end.state, "string", told);
  assert.ok(end.state, told);
  assert.ok(CATEGORIES.includes(end.category), told);
  assert.ok(["no", "yes", "unknown"].includes(end.executed), told);
  assert.equal(typeof end.status, "number", told);
  assert.ok(end.headers instanceof Headers, told);
  if (end.category !== "ok") assert.ok(["wait", "poll", "join", "confirm", "fix", "never"].includes(end.retry.how), told);
}

// --- what goes out

test("a plain object goes as JSON and as POST; without a body it is a GET; anything else goes as it is", async () => {
  const form = new URLSearchParams("a=1");
  for (const [wish, method, body, type] of [
    [{ body: { a: 1 } }, "POST", '{"a":1}', "application/json"], [{ body: [] }, "POST", "[]", "application/json"], [{}, "GET", undefined, null],
    [{ body: "<a/>", headers: { "Content-Type": "text/xml" } }, "POST", "<a/>", "text/xml"], [{ body: form }, "POST", form, null],
    [{ body: {}, method: "PUT", headers: { "Content-Type": "application/merge-patch+json" } }, "PUT", "{}", "application/merge-patch+json"],
  ]) {
    const { asked: [request] } = await called(null, wish);
    assert.deepEqual([request.method, request.body, request.headers.get("Content-Type")], [method, body, type]);
    assert.equal(request.headers.get("Accept"), "application/json, application/problem+json");
  }
});

test("language, timeout, place and key are told in their headers", async () => {
  const { asked: [request] } = await called(null, { body: {}, timeout_ms: 2500, place: "p1.x", key: "sale-1" }, { options: { language: "de" } });
  const said = Object.fromEntries(["Accept-Language", "Sidecar-Timeout", "Sidecar-Place", "Idempotency-Key"].map((name) => [name, request.headers.get(name)]));
  assert.deepEqual(said, { "Accept-Language": "de", "Sidecar-Timeout": "2.5", "Sidecar-Place": "p1.x", "Idempotency-Key": '"sale-1"' });
});

test("a made key is a new one each time, also where there is no secure context", async () => {
  const found = new Set();
  for (const secure of [true, true, false, false]) {
    const world = new World(), tab = await world.tab();
    if (!secure) tab.scope.crypto = { getRandomValues: (array) => crypto.getRandomValues(array) };
    await world.until(tab.api.call("/x", { body: {}, key: true }));
    const key = world.asked[0].headers.get("Idempotency-Key");
    assert.match(key, /^"[\w-]{20,64}"$/);
    found.add(key);
  }
  assert.equal(found.size, 4);
});

test("passes and keys go to the sidecar and to nobody else", async () => {
  for (const path of ["https://stranger.example/x", "//stranger.example/x"]) {
    const { end, asked } = await called(null, { body: {}, key: true }, { path });
    assert.equal(asked.length, 0);
    assert.deepEqual([end.state, end.category, end.executed, end.retry.how], ["malformed", "client", "no", "fix"]);
  }
  const link = () => reply({ state: "in_progress", category: "wait", executed: "unknown", retry: { how: "poll" }, links: { poll: "https://stranger.example/" }, v: 1 });
  const { end, asked } = await called(link, { body: {}, key: true });
  assert.equal(asked.length, 1);
  assert.deepEqual([end.state, end.executed], ["in_progress", "unknown"]);
});

// --- what comes back

test("an envelope comes as it is, with its status and headers, and can be cloned", async () => {
  const body = { state: "sold_out", category: "final", executed: "no", detail: "none left", reason: "fault_rule", status: 409, retry: { how: "never" }, v: 1 };
  const { end } = await called(() => reply(body, { headers: { "X-Request-Id": "r1" } }), { body: {} });
  assert.deepEqual(JSON.parse(JSON.stringify(end)), { ...body, retry: { how: "never", after_s: null } });
  assert.equal(end.headers.get("X-Request-Id"), "r1");
  structuredClone(end);
});

test("a body that is no envelope is read by its header, then by its status, and never taken for a success that it is not", async () => {
  const html = "<html>", xml = "<e:Envelope/>";
  for (const [method, body, more, state, category, executed, how] of [
    ["POST", html, { status: 503, state: "overloaded;reason=queue_full;executed=no" }, "overloaded", "busy", "no", "wait"],
    ["POST", html, { status: 504, state: "outcome_unknown;reason=timeout;executed=unknown" }, "outcome_unknown", "upstream", "unknown", "confirm"],
    ["POST", xml, { status: 200, state: "paused;reason=room;executed=no" }, "paused", "wait", "no", "wait"],
    ["POST", xml, { status: 200, state: "malformed;executed=no" }, "malformed", "client", "no", "fix"],
    ["POST", xml, { status: 500, state: "backend_fault;reason=client;executed=no" }, "backend_fault", "final", "no", "never"],
    ["POST", xml, { status: 500, state: "backend_fault;reason=server;executed=unknown" }, "backend_fault", "upstream", "unknown", "confirm"],
    ["POST", html, { status: 429, state: "waiting;reason=no_pass;executed=no" }, "waiting", "wait", "no", "join"],
    ["POST", xml, { status: 200, state: "ok;executed=yes" }, "ok", "ok", "yes"],
    ["POST", html, { status: 502 }, "backend_bad_reply", "upstream", "unknown", "confirm"],
    ["POST", html, { status: 404 }, "backend_bad_reply", "upstream", "unknown", "confirm"],
    ["GET", html, { status: 404 }, "backend_bad_reply", "upstream", "no", "fix"],
    ["GET", html, { status: 200 }, "backend_bad_reply", "upstream", "no", "fix"],
    ["GET", html, { status: 502 }, "backend_bad_reply", "upstream", "no", "wait"],
    ["POST", '{"message":"Forbidden"}', { status: 403 }, "backend_bad_reply", "upstream", "unknown", "confirm"],
    ["POST", '{"seats":[1]}', { status: 200 }, "ok", "ok", "yes"],
    ["POST", "", { status: 204 }, "ok", "ok", "yes"],
    ["POST", "", { status: 200 }, "backend_bad_reply", "upstream", "unknown", "confirm"],
    ["POST", '{"state":"ok","category":"o', { status: 200, state: "ok;executed=yes" }, "backend_bad_reply", "upstream", "yes", "confirm"],
    ["POST", '{"state":"overl', { status: 503, state: "overloaded;executed=no" }, "overloaded", "busy", "no", "wait"],
  ]) {
    const { end } = await called(() => reply(body, more), { method, body: method === "GET" ? undefined : {}, attempts: 1 });
    const told = `${method} ${body} ${JSON.stringify(more)}`;
    sound(end, told);
    assert.deepEqual([end.state, end.category, end.executed, end.retry?.how, end.status], [state, category, executed, how, more.status], told);
  }
  assert.equal((await called(() => reply('{"seats":[1]}'))).end.data.seats[0], 1);
  assert.equal((await called(() => reply(xml, { state: "ok;executed=yes" }))).end.data, xml);
});

test("a body that breaks off is no success, and what the header says of its effect holds", async () => {
  const broken = (status, state) => () => ({ status, headers: new Headers(state ? { "Sidecar-State": state } : {}), text: async () => { throw new TypeError("terminated"); } });
  for (const [server, state, executed] of [
    [broken(200, "ok;executed=yes"), "backend_bad_reply", "yes"], [broken(503, "draining;executed=no"), "draining", "no"], [broken(200), "backend_bad_reply", "unknown"],
  ]) {
    const { end } = await called(server, { body: {}, attempts: 1 });
    assert.deepEqual([end.state, end.executed, end.category === "ok"], [state, executed, false]);
  }
});

test("the longest of the waits counts", async () => {
  for (const [retry, queue, header, after_s] of [[4, 1000, "2", 4], [1, 26000, "2", 26], [1, null, "7", 7], [null, 1500, null, 2], [null, null, "Wed, 21 Oct 2026 07:28:00 GMT", null], [-1, "9", "x", null]]) {
    const body = { state: "overloaded", category: "busy", executed: "no", retry: { how: "wait", after_s: retry }, queue: { kind: "call", next_poll_ms: queue }, v: 1 };
    const { end } = await called(() => reply(body, { status: 503, headers: header ? { "Retry-After": header } : {} }), { body: {}, attempts: 1 });
    assert.equal(end.retry.after_s, after_s);
  }
});

// --- what never came back

test("a fetch that fails is a state; its effect is unknown once a body may have left", async () => {
  const fails = () => { throw new TypeError("Failed to fetch"); };
  for (const [method, executed, how] of [["GET", "no", "wait"], ["HEAD", "no", "wait"], ["POST", "unknown", "confirm"], ["PUT", "unknown", "confirm"]]) {
    const { end, asked } = await called(fails, { method });
    sound(end);
    assert.deepEqual([end.state, end.category, end.executed, end.retry.how, end.status], ["unreachable", "upstream", executed, how, 0]);
    assert.equal(asked.length, executed === "no" ? 4 : 1);
  }
});

test("offline: a write is not handed over at all, and tried again; a read is", async () => {
  for (const [body, state] of [[{}, "offline"], [undefined, "offline"]]) {
    const world = new World(), tab = await world.tab();
    tab.online = false;
    const promise = tab.api.call("/x", { body });
    world.later(() => (tab.online = true), 1000);
    assert.equal((await world.until(promise)).state, "ok");
    tab.online = false;
    const end = await world.until(tab.api.call("/x", { body }));
    assert.deepEqual([end.state, end.executed], [state, "no"]);
  }
});

test("the network that goes during a write leaves its effect unknown", async () => {
  const world = new World(), tab = await world.tab();
  world.server = () => { tab.online = false; throw new TypeError("Failed to fetch"); };
  const end = await world.until(tab.api.call("/x", { body: {} }));
  assert.deepEqual([end.state, end.executed, end.retry.how], ["offline", "unknown", "confirm"]);
});

test("time out, give up before, while and between: aborted, and never repeated by itself where a write had left", async () => {
  const hangs = () => new Promise(() => {});
  let { end, world } = await called(hangs, { body: {}, timeout_ms: 5000 });
  assert.deepEqual([end.state, end.executed, end.retry.how, world.ms], ["aborted", "unknown", "confirm", 5000]);
  ({ end, world } = await called(hangs, { body: {} }));
  assert.equal(world.ms, 30000);
  ({ end, world } = await called(hangs, { timeout_ms: 1000 }));
  assert.deepEqual([end.state, end.executed, world.asked.length], ["aborted", "no", 4]);
  ({ end, world } = await called(null, { body: {}, signal: AbortSignal.abort() }));
  assert.deepEqual([end.state, end.executed, world.asked.length], ["aborted", "no", 0]);
  for (const [method, executed] of [["GET", "no"], ["POST", "unknown"]]) {
    world = new World();
    const stop = new AbortController(), tab = await world.tab();
    world.server = hangs;
    world.later(() => stop.abort(), 700);
    end = await world.until(tab.api.call("/x", { method, signal: stop.signal }));
    assert.deepEqual([end.state, end.executed, world.asked.length, world.ms], ["aborted", executed, 1, 700]);
  }
  world = new World();
  const stop = new AbortController(), tab = await world.tab();
  world.server = () => reply({ state: "paused", category: "wait", executed: "no", retry: { how: "wait", after_s: 15 }, v: 1 }, { status: 503 });
  world.later(() => stop.abort(), 3000);
  end = await world.until(tab.api.call("/x", { body: {}, signal: stop.signal }));
  assert.deepEqual([end.state, end.executed, world.asked.length, world.ms], ["aborted", "no", 1, 3000]);
});

test("what cannot be sent is told, and nothing was", async () => {
  const circle = {};
  circle.self = circle;
  for (const [path, wish] of [
    ["/x", { body: circle }], ["/x", { method: "GET", body: "a" }], ["/x", { method: "TRACE" }], ["/x", { method: "A B" }], ["/x", { headers: { "a b": "c" } }],
    ["/x", { key: "☃" }], ["http://[", {}], [Symbol("x"), {}], ["/x", { signal: 5 }], ["/x", { body: 1n, headers: 5 }], ["/x", { get body() { throw null; } }],
    [undefined, null], ["/x", { headers: { "Sidecar-Place": "a\nb" } }], ["/x", { place: "☃" }],
  ]) {
    const { end, asked } = await called(null, wish, { path });
    sound(end);
    if (asked.length === 0) assert.deepEqual([end.state, end.category, end.executed, end.retry.how], ["malformed", "client", "no", "fix"]);
    else assert.equal(end.state, "ok");
  }
});

// --- garbage

function random(seed) {
  let n = seed;
  return () => ((n = (n * 1103515245 + 12345) % 2147483648) / 2147483648);
}

function garbage(draw, depth = 0) {
  const pick = (list) => list[Math.floor(draw() * list.length)];
  const words = ["ok", "overloaded", "waiting", "in_progress", "no", "yes", "unknown", "busy", "constructor", "__proto__", "", "☃", "wait", "poll", "join"];
  const plain = () => pick([null, true, false, 0, -1, 1e308, 3, ...words]);
  if (depth > 2 || draw() < 0.4) return plain();
  if (draw() < 0.2) return [garbage(draw, depth + 1)];
  const names = ["state", "category", "executed", "retry", "how", "after_s", "same_key", "links", "poll", "join", "queue", "kind", "next_poll_ms", "place", "room", "name", "pass", "token", "visitor", "headers", "status", "v", "then", "toJSON"];
  return Object.fromEntries(Array.from({ length: 8 }, () => [pick(names), garbage(draw, depth + 1)]));
}

const wild = (draw, value) => {
  const shell = { state: "x", category: CATEGORIES[Math.floor(draw() * 7)], executed: ["no", "yes", "unknown"][Math.floor(draw() * 3)] };
  return draw() < 0.5 && value && typeof value === "object" ? { ...value, ...shell } : value;
};

test("whatever comes back, a call resolves, with an envelope, and a write of unknown effect is sent once", async () => {
  const draw = random(7);
  for (let n = 0; n < 1500; n++) {
    const value = wild(draw, garbage(draw)), body = draw() < 0.2 ? String(value).repeat(3) : JSON.stringify(value), told = `${n}: ${body}`;
    const status = [200, 202, 204, 400, 403, 404, 409, 429, 500, 502, 503, 504, 999][Math.floor(draw() * 13)];
    const headers = draw() < 0.5 ? { "Retry-After": String(value?.retry ?? "x").replace(/[^\x20-\x7e]/g, "") } : {};
    const state = draw() < 0.3 ? `${String(value?.state ?? ";;=").replace(/[^\x20-\x7e]/g, "")};executed=${value?.executed === "☃" ? "" : "no"};=;a` : undefined;
    const server = () => reply(body, { status, state, headers });
    const { end, asked } = await called(server, { body: {}, room: draw() < 0.5 });
    sound(end, told);
    if (asked.length > 1) assert.ok(asked.slice(1).every(({ method }) => method === "GET") || end.executed === "no" || end.state === "x", told);
    assert.ok(asked.length < 70, told);
  }
});

test("whatever a fetch does, a call resolves", async () => {
  const thrown = [undefined, null, 5, "text", new Error("x"), { name: "AbortError" }];
  const given = [undefined, null, 5, {}, { status: 200 }, { status: 200, headers: {} }, { headers: new Headers() }, { status: 200, headers: new Headers(), text: () => "now" }];
  for (const what of [...thrown.map((error) => () => { throw error; }), ...thrown.map((error) => () => Promise.reject(error)), ...given.map((value) => () => value)]) {
    for (const body of [{}, undefined]) {
      const { end } = await called(what, { body });
      sound(end, String(what));
      assert.notEqual(end.category, "ok");
      assert.equal(end.executed, body ? "unknown" : "no");
    }
  }
});

test("whatever a room is told, it neither throws nor asks more than twice a second", async () => {
  const draw = random(11);
  for (let n = 0; n < 150; n++) {
    const world = new World(), tab = await world.tab();
    world.server = () => reply(JSON.stringify(wild(draw, garbage(draw))), { status: [200, 404, 429, 503][Math.floor(draw() * 4)] });
    tab.join("hamlet");
    await world.pass(20000);
    assert.ok(world.asked.length >= 1 && world.asked.length <= 41, `${n}: ${world.asked.length}`);
  }
});

// --- a key

const running = { state: "in_progress", category: "wait", executed: "unknown", retry: { how: "poll", after_s: 2, same_key: true }, links: { poll: "/.sidecar/operations/7" }, v: 1 };
const replayed = { state: "replayed", category: "ok", executed: "yes", v: 1 };

test("a call under way is asked for until it is over, and its answer got under the same key", async () => {
  const world = new World(), tab = await world.tab(), script = [running, running, replayed, { ...replayed, data: 9 }];
  world.server = () => reply(script[world.asked.length - 1]);
  const end = await world.until(tab.api.call("/tickets/json/Pay", { body: {}, key: "k" }));
  assert.equal(end.data, 9);
  const poll = "GET /.sidecar/operations/7", pay = "POST /tickets/json/Pay";
  assert.deepEqual(world.paths(), [pay, poll, poll, pay]);
  assert.ok(world.asked.every(({ headers }) => headers.get("Idempotency-Key") === '"k"'));
  assert.deepEqual(world.asked.map(({ at }) => at), [0, 2000, 4000, 4000]);
});

test("a poll that fails says nothing of the call: what is surfaced is that it is under way", async () => {
  for (const fails of [() => { throw new TypeError("x"); }, () => reply({ state: "draining", category: "busy", executed: "no", retry: { how: "wait", after_s: 9 }, v: 1 }), () => reply("<html>", { status: 404 })]) {
    const world = new World(), tab = await world.tab();
    world.server = () => (world.asked.length === 1 ? reply(running) : fails());
    const end = await world.until(tab.api.call("/tickets/json/Pay", { body: {}, key: "k" }));
    assert.deepEqual([end.state, end.executed], ["in_progress", "unknown"]);
    assert.ok(world.ms <= 60000);
  }
});

test("what a poll tells of the call is its end: a no, or that nobody knows", async () => {
  for (const [state, category, executed, how] of [["business_no", "final", "no", "never"], ["outcome_unknown", "upstream", "unknown", "confirm"], ["backend_fault", "upstream", "unknown", "confirm"]]) {
    const world = new World(), tab = await world.tab();
    world.server = () => reply(world.asked.length === 1 ? running : { state, category, executed, retry: { how }, v: 1 });
    const end = await world.until(tab.api.call("/tickets/json/Pay", { body: {}, key: "k" }));
    assert.deepEqual([end.state, end.executed, world.asked.length], [state, executed, 2]);
  }
});

test("it was done, but its answer cannot be got: what is surfaced is that it was done", async () => {
  const refusals = [{ state: "overloaded", category: "busy", executed: "no", retry: { how: "wait", after_s: 9 }, v: 1 }, { state: "origin_denied", category: "client", executed: "no", v: 1 }];
  for (const refused of refusals) {
    const world = new World(), tab = await world.tab(), script = [running, replayed, refused];
    world.server = () => reply(script[Math.min(world.asked.length, 3) - 1]);
    const end = await world.until(tab.api.call("/tickets/json/Pay", { body: {}, key: "k" }));
    assert.deepEqual([end.state, end.executed], ["replayed", "yes"]);
  }
});

test("a key that was freed since, because nothing was done, is used again; without one nothing is repeated", async () => {
  for (const [key, sends, state] of [["k", 3, "ok"], [undefined, 2, "in_progress"]]) {
    const world = new World(), tab = await world.tab(), script = [running, { state: "not_found", category: "client", executed: "no", retry: { how: "fix" }, v: 1 }, { state: "ok", category: "ok", executed: "yes", v: 1 }];
    world.server = () => reply(script[world.asked.length - 1]);
    const end = await world.until(tab.api.call("/tickets/json/Pay", { body: {}, key }));
    assert.deepEqual([end.state, world.asked.length], [state, sends]);
  }
});

// --- who hears of it

test("onstate and on hear every state of every attempt, by state, category or all, until they are off", async () => {
  const world = new World(), heard = [], tab = await world.tab({ options: { onstate: (envelope, context) => heard.push([envelope.state, context.path, context.attempt, context.again_ms]) } });
  const by = { busy: 0, overloaded: 0, ok: 0, "*": 0 };
  const off = Object.keys(by).map((word) => tab.api.on(word, () => by[word]++));
  tab.api.on("*", () => { throw new Error("of the page"); });
  const script = [{ state: "overloaded", category: "busy", executed: "no", retry: { how: "wait", after_s: 3 }, v: 1 }, { state: "ok", category: "ok", executed: "yes", v: 1 }];
  world.server = () => reply(script[Math.min(1, world.asked.length - 1)]);
  assert.equal((await world.until(tab.api.call("/x", { body: {} }))).state, "ok");
  assert.deepEqual(heard, [["overloaded", "/x", 1, 3000], ["ok", "/x", 2, null]]);
  assert.deepEqual(by, { busy: 1, overloaded: 1, ok: 1, "*": 2 });
  assert.deepEqual(tab.events, [["console", "Error: of the page"], ["console", "Error: of the page"]]);
  off.forEach((each) => each());
  await world.until(tab.api.call("/x", { body: {} }));
  assert.deepEqual(by, { busy: 1, overloaded: 1, ok: 1, "*": 2 });
});

test("what never left is heard of as well", async () => {
  const world = new World(), tab = await world.tab(), heard = [];
  tab.api.on("malformed", (envelope) => heard.push(envelope.state));
  await world.until(tab.api.call("/x", { get body() { throw 1; } }));
  assert.deepEqual(heard, ["malformed"]);
});

test("without a base it speaks to where it came from; with one, to that origin", async () => {
  const world = new World(), tab = await world.tab(), urls = [];
  const fetch = async (url) => (urls.push(url), reply({ a: 1 }));
  for (const base of [undefined, "https://other.example/some/page", "/"]) await world.until(tab.sidecar(base, { fetch }).call("/x"));
  assert.deepEqual(urls, ["https://api.example/x", "https://other.example/x", "https://api.example/x"]);
});
