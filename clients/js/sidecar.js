/* See README.md. Calls are repeated only where nothing was executed, or with a key. */

/* What comes next where a reply does not say it. */
const NEXT = { ok: "", wait: "wait", busy: "wait", limit: "wait", upstream: "wait", client: "fix", final: "never" };
const HOWS = ["wait", "poll", "join", "confirm", "fix", "never"];
const CATEGORIES = Object.keys(NEXT);
const EFFECTS = ["no", "yes", "unknown"];
/* For a body that cannot be read. */
const KNOWN = {
  ok: "ok cached stale fallback partial replayed",
  wait: "waiting pass_expired paused in_progress deferred",
  busy: "overloaded draining",
  limit: "rate_limited poll_too_soon",
  final: "business_no sold_out sale_closed",
  upstream: "backend_fault backend_unreachable outcome_unknown backend_bad_reply internal",
};

const number = (value) => (value > 0 && typeof value === "number" ? value : 0);
const text = (value) => (value && typeof value === "string" ? value : null);
const reads = (method) => /^(GET|HEAD)$/i.test(method);
const now = () => performance.now();
const hidden = () => globalThis.document?.hidden;
const offline = () => globalThis.navigator?.onLine === false;
const later = (act, ms) => setTimeout(act, Math.min(ms, 2 ** 31 - 1)); // a longer timer fires at once

/* Of the waits that were told, the longest counts. */
function complete(reply, status = 0, headers = new Headers()) {
  const { category, executed, retry, queue } = reply;
  let how = NEXT[category];
  if (how === "wait" && executed !== "no") how = "confirm";
  if (HOWS.includes(retry?.how)) how = retry.how;
  const after_s = Math.ceil(Math.max(number(retry?.after_s), +headers.get("Retry-After") || 0, number(queue?.next_poll_ms) / 1000));
  reply = { ...reply, status, v: 1 };
  if (how) reply.retry = { ...retry, how, after_s: after_s || null };
  return Object.defineProperty(reply, "headers", { value: headers }); // not enumerable: tabs cannot be sent it
}

const made = (state, executed, why, category = "upstream") => complete({ state, category, executed, detail: String(why?.message ?? why) });

function understood({ status, headers }, body, cut, safe) {
  const [state, ...rest] = (headers.get("Sidecar-State") ?? "").split(/\s*;\s*/);
  const params = Object.fromEntries(rest.map((each) => each.split("="))), { reason } = params;
  const executed = EFFECTS.includes(params.executed) ? params.executed : safe ? "no" : "unknown";
  let said, reply = { state: "backend_bad_reply", category: "upstream", executed, detail: `HTTP ${status}` };
  try {
    said = JSON.parse(body);
  } catch {
    cut ||= body && /json/.test(headers.get("Content-Type"));
  }
  if (text(said?.state) && CATEGORIES.includes(said.category) && EFFECTS.includes(said.executed)) reply = { reason, ...said };
  else if (state) {
    const known = Object.keys(KNOWN).find((each) => KNOWN[each].split(" ").includes(state));
    const category = known === "upstream" && reason === "client" ? "final" : known ?? (status < 500 ? "client" : "upstream");
    if (!cut || category !== "ok") reply = { state, reason, category, executed, data: said ?? body };
    if (/^(waiting|pass_expired)$/.test(state)) reply.retry = { how: "join" };
  } else if (status < 400 && (said !== undefined || status === 204)) reply = { state: "ok", category: "ok", executed: "yes", data: said };
  else if (executed === "no" && status < 500 && !/408|425|429/.test(status)) reply.retry = { how: "fix" };
  return complete(reply, status, headers);
}

export function sidecar(base = "/", options = {}) {
  const home = new URL(base, import.meta.url).origin, rooms = new Map(), listeners = new Set();
  const wire = { home, send, tell, storage: () => options.storage ?? localStorage };

  function on(...entry) {
    listeners.add(entry);
    return () => listeners.delete(entry);
  }
  if (options.onstate) on("*", options.onstate);

  function tell(reply, context) {
    for (const [word, listener] of listeners) {
      try {
        if (["*", reply.state, reply.category].includes(word)) listener(reply, context);
      } catch (error) {
        console.error(error);
      }
    }
    return reply;
  }

  /* One request, one envelope; never rejects. */
  async function send(path, { method = "GET", body, signal, timeout_ms = options.timeout_ms ?? 3e4, ...held }) {
    const stop = new AbortController(), abort = () => stop.abort(), safe = reads(method);
    const gone = new Promise((_, fail) => (stop.signal.onabort = fail));
    let sent = false, timer;
    try {
      const url = new URL(path, home), headers = new Headers(held.headers), set = (name, value) => value && headers.set(name, value);
      if (url.origin !== home) throw `not of ${home}`; // who else sees a pass?
      if (!headers.has("Accept")) set("Accept", "application/json, application/problem+json");
      set("Accept-Language", options.language);
      set("Sidecar-Pass", held.pass);
      set("Sidecar-Place", held.place);
      set("Idempotency-Key", held.key && `"${held.key}"`);
      const init = { method, body, headers, credentials: options.credentials };
      new Request(url, init); // throws where it cannot be sent
      if (signal?.aborted) return made("aborted", "no", "given up");
      if (!safe && offline()) return made("offline", "no", "no network");
      signal?.addEventListener("abort", abort);
      timer = later(abort, timeout_ms);
      const work = async () => {
        const response = await (options.fetch ?? fetch)(url.href, { ...init, signal: stop.signal });
        let cut = false;
        return understood(response, await response.text().catch(() => void (cut = true)), cut, safe);
      };
      sent = true;
      return await Promise.race([work(), gone]); // not every fetch heeds its signal
    } catch (error) {
      if (!sent) return made("malformed", "no", error, "client");
      const state = stop.signal.aborted ? "aborted" : offline() ? "offline" : "unreachable";
      return made(state, safe ? "no" : "unknown", state === "aborted" ? "given up" : error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener?.("abort", abort);
    }
  }

  async function call(path, given) {
    let reply, known, n = 0; // `known` is what the sidecar last said of a call under way
    const ended = (end) => tell(end, { path, attempt: n, again_ms: null });
    try {
      const { attempts = 4, patience_ms = 6e4, signal, timeout_ms, room, ...more } = { ...options, ...given };
      const plain = more.body && typeof more.body === "object" && !more.body[Symbol.toStringTag];
      const method = more.method ?? (more.body == null ? "GET" : "POST"), body = plain ? JSON.stringify(more.body) : more.body;
      const headers = new Headers(more.headers);
      if (plain && !headers.has("Content-Type")) headers.set("Content-Type", "application/json");
      if (timeout_ms) headers.set("Sidecar-Timeout", timeout_ms / 1000);
      const key = more.key === true ? crypto.getRandomValues(new Uint32Array(4)).join("-") : more.key;
      let { place } = more, until = now() + patience_ms, polling, joined, fetched;

      for (;;) {
        n++;
        const target = polling ? known.links.poll : path, wish = polling ? {} : { method, body, place };
        const holders = [...rooms.values()].filter((each) => each.pass), passes = holders.map((each) => each.pass);
        reply = await send(target, { headers, signal, timeout_ms, key, pass: passes.join(", "), ...wish });
        const { state, category, executed, retry, queue } = reply, how = retry?.how, token = reply.headers.get("Sidecar-Pass");
        const holder = rooms.get(reply.room?.name) ?? (holders[1] ? null : holders[0]);
        if (token || (state === "pass_expired" && passes.includes(holder?.pass))) holder?.renew(token);
        place = state === "overloaded" && queue?.kind !== "room" && (text(queue?.place) ?? reply.headers.get("Sidecar-Place"));
        const same = key && (known ?? reply).retry?.same_key === true;
        let again, stands, again_ms = number(retry?.after_s) * 1000 || Math.min(500 * 2 ** n, 1e4);
        if (how === "poll" && text(reply.links?.poll)) {
          known = reply;
          again = polling = true;
        } else if (how === "wait" && (executed === "no" || reads(wish.method ?? "GET") || (same && executed === "unknown"))) again = polling || n < attempts;
        else if (polling && same && !fetched && /^(replayed|not_found)$/.test(state)) {
          // It is over: its key gets the answer.
          if (category === "ok") known = reply;
          again = fetched = true;
          polling = again_ms = 0;
        } else stands = joined = how === "join" && executed === "no" && room && !joined && (room !== true || text(reply.room?.name));
        again_ms *= 1 + Math.random() / 4; // never earlier than told
        if (!again || signal?.aborted || now() + again_ms > until) again_ms = null;
        tell(reply, { path: target, attempt: n, again_ms });
        if (stands) {
          const mine = room === true ? join(reply.room.name) : room;
          if (state === "pass_expired" || mine.over) mine.join();
          await mine.turn(signal);
          until = now() + patience_ms;
          n = 0;
          if (!mine.pass && !signal?.aborted) return reply;
        } else if (again_ms === null) {
          // A poll that failed says nothing of the call.
          return known && executed === "no" && !/^(ok|final)$/.test(category) ? known : reply;
        } else
          await new Promise((done) => {
            signal?.addEventListener("abort", done);
            later(done, again_ms);
          });
        if (signal?.aborted) return ended(made("aborted", (known ?? reply).executed, "given up"));
      }
    } catch (error) {
      return ended(made("malformed", (known ?? reply)?.executed ?? "no", error, "client"));
    }
  }

  function join(name, wish) {
    let room = rooms.get(name);
    if (!room || room.over) {
      room?.close();
      rooms.set(name, (room = new Room(wire, name, wish)));
    }
    return room;
  }

  // The room's own page leads back to the shop with the pass.
  const [, url, name, pass] = /(.*)#sidecar-pass=([^:]+):(.+)/.exec(globalThis.location) ?? [];
  if (pass) {
    history.replaceState(history.state, "", url);
    join(name, { pass });
  }

  return { call, join, on };
}

class Room extends EventTarget {
  envelope = null;
  queue = null;
  over = false;
  #wire; #who; #when; #key; #channel; #timer; #release; #leading; #missed;
  #open = new AbortController();
  #fresh; // who we are is to be told
  #asked = -1000;
  #lost = -6e4;
  #fails = 0;
  #offset = 0;
  #wanted = {};

  constructor(wire, name, { claim = "visible", place = null, pass = null, ...who } = {}) {
    super();
    Object.assign(this, { name, place, pass });
    this.#wire = wire;
    this.#when = claim;
    this.#who = who;
    this.#fresh = (pass && !place) || Object.keys(who)[0];
    this.#key = `sidecar ${wire.home} ${name}`;
    try {
      ({ place: this.place, pass: this.pass } = JSON.parse(wire.storage().getItem(this.#key)));
    } catch {} // blocked, garbled or the first time
    this.pass = pass ?? this.pass;
    try {
      this.#channel = new BroadcastChannel(this.#key);
      this.#channel.onmessage = ({ data }) => this.#heard(data);
      this.#channel.postMessage({});
    } catch {}
    later(() => {
      for (const type of ["visibilitychange", "pageshow", "online"]) globalThis.addEventListener?.(type, this.#wake, this.#open);
      this.#elect(!hidden());
    }, this.place || !this.#channel ? 0 : 100); // another tab may know our place
  }

  claim = () => this.#ask("claim");
  leave = () => this.#ask("leave");
  release = () => this.#ask("release");
  now = () => Date.now() + this.#offset; // the server's clock

  join() {
    this.over = this.#open.signal.aborted;
    this.#fresh = true;
    this.#wakes();
  }

  close() {
    this.#open.abort();
    this.#end();
    this.#channel?.close();
  }

  turn(signal) {
    return new Promise((done) => {
      const check = () => (this.pass || this.over || signal?.aborted) && done();
      this.addEventListener("state", check);
      this.addEventListener("over", check);
      signal?.addEventListener("abort", check);
      check();
    });
  }

  renew(pass) {
    this.pass = pass;
    this.#share(null, "renew");
    if (!pass) this.#wakes();
  }

  /* The tab looked at last asks for all: its timers are not throttled. */
  #wake = ({ type }) => (this.#leading || (type !== "online" && !hidden())) && this.#wakes();

  #wakes() {
    if (this.#leading) this.#due(0);
    else this.#elect(true);
  }

  #elect(steal) {
    const locks = globalThis.navigator?.locks;
    const lead = () => {
      this.#leading = !this.over;
      this.#due(0);
    };
    if (!locks || !this.#channel) return lead();
    steal &&= !!this.place; // else another tab may be joining
    if (this.over || this.#leading || this.#wanted[steal]) return;
    this.#wanted[steal] = true;
    let mine;
    const held = () => {
      this.#wanted[steal] = false;
      lead();
      return this.over || new Promise((done) => (this.#release = mine = done));
    };
    locks.request(this.#key, { steal }, held).catch(({ name }) => {
      this.#wanted[steal] = false;
      if (mine !== this.#release) return; // stolen by ourselves
      this.#leading = false;
      if (name === "AbortError") this.#elect(false);
      else lead(); // forbidden here
    });
  }

  #end() {
    this.over = true;
    this.#leading = false;
    clearTimeout(this.#timer);
    this.#release?.();
    this.#emit("over");
  }

  /* Also where a pass was lost on its way. */
  #claims() {
    const { visitor, claim_by } = this.queue ?? {};
    const wants = this.#when === "always" || (this.#when === "visible" && !hidden());
    return wants && !this.pass && !this.#missed && /^(called|admitted)$/.test(visitor) && !(Date.parse(claim_by) < this.now());
  }

  #due(ms) {
    clearTimeout(this.#timer);
    const floor = this.#claims() ? 0 : this.#asked + 1000 - now();
    const act = () => this.#leading && this.#ask(!this.place || this.#fresh ? "join" : this.#claims() ? "claim" : "place");
    if (this.#leading) this.#timer = later(act, Math.max(ms, floor));
  }

  async #ask(verb) {
    clearTimeout(this.#timer);
    this.#asked = now();
    const { place, pass, queue } = this, poll = verb === "place", { session } = this.#who;
    const near = poll && queue?.visitor === "waiting" && queue.ahead < 21 && queue.ahead !== null;
    const path = `/.sidecar/rooms/${encodeURIComponent(this.name)}/${verb}${near ? "?wait=20" : ""}`;
    const more = poll ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(verb === "join" ? this.#who : { session }) };
    const reply = await this.#wire.send(path, { place, pass, timeout_ms: 4e4, ...more });
    if (!this.#open.signal.aborted) this.#hear(reply, verb);
    this.#share(reply, verb);
    return this.#wire.tell(reply, { path, attempt: this.#fails, again_ms: null, room: this.name });
  }

  #share(reply, verb) {
    const { place, pass } = this;
    try {
      this.#wire.storage().setItem(this.#key, JSON.stringify({ place, pass }));
    } catch {}
    if (!this.#open.signal.aborted) this.#channel?.postMessage({ reply, verb, place, pass });
  }

  #emit(type) {
    this.dispatchEvent(new CustomEvent(type, { detail: this.envelope }));
  }

  #heard({ reply, verb, place, pass }) {
    if (!verb) return this.#leading && this.place && this.#share(this.envelope, "place");
    Object.assign(this, { place, pass });
    this.#asked = now();
    if (reply) this.#hear(reply, verb);
  }

  #hear(reply, verb) {
    const { category, queue, retry, state } = reply, before = this.queue?.visitor, told = text(category === "ok" && queue?.visitor);
    const next_ms = number(queue?.next_poll_ms), at = Date.parse(reply.server_time), behind = Date.parse(this.envelope?.server_time) - at;
    let wait_ms = next_ms || 2e4, ends = false, event = told;
    // Overtaken, unless a clock was set.
    if (verb === "place" && (this.over || (behind > 0 && behind < 3e4))) return this.#due(wait_ms);
    if (at) this.#offset = at - Date.now();
    this.envelope = reply;
    if (told) {
      this.queue = queue;
      this.place = text(queue.place) ?? reply.headers?.get("Sidecar-Place") ?? this.place;
      this.pass = text(reply.pass?.token) ?? reply.headers?.get("Sidecar-Pass") ?? this.pass;
      this.#missed &&= verb === "claim";
      this.#fresh &&= verb !== "join";
      if (told !== "called") this.#fails = 0;
      if (/^(expired|left|released|forfeited)$/.test(told)) {
        this.pass = null;
        if (told !== "expired") this.place = null;
        ends = !this.place || !next_ms;
      } else if (this.#claims()) {
        wait_ms = 0;
        // Who asks may be hidden.
        if (!this.#leading) later(() => this.#claims() && this.#wakes(), 3e3);
      }
    } else {
      event = "failed";
      wait_ms = Math.max(number(retry?.after_s) * 1000, Math.min(1000 * 2 ** this.#fails++, 6e4) * (0.5 + Math.random() / 2));
      this.#missed ||= verb === "claim";
      if (state === "pass_expired") this.pass = null;
      if (state === "waiting" && verb !== "join" && reply.reason !== "no_pass") {
        // Joined again, once.
        event = "lost";
        ends = now() - this.#lost < 6e4 || /^(leave|release)$/.test(verb);
        this.#lost = now();
        this.place = this.pass = this.queue = null;
        wait_ms = 0;
      } else ends = /^(join|place)$/.test(verb) && /^(join|fix|never)$/.test(retry?.how) && category !== "upstream";
    }
    this.#due(wait_ms);
    this.#emit("state");
    if (event !== before) this.#emit(event);
    if (ends) this.#end();
  }
}
