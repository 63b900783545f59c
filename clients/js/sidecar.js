/* The browser's side of a sidecar: README.md, sidecar.d.ts. A call is repeated only where nothing was executed or its key protects it. */

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
  const after_s = Math.ceil(Math.max(number(retry?.after_s), number(+headers.get("Retry-After")), number(queue?.next_poll_ms) / 1000));
  reply = { ...reply, status, v: 1 };
  if (how) reply.retry = { ...retry, how, after_s: after_s || null };
  return Object.defineProperty(reply, "headers", { value: headers }); // not enumerable: no other tab can be sent it
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
  if (text(said?.state) && CATEGORIES.includes(said.category) && EFFECTS.includes(said.executed)) reply = said;
  else if (state) {
    const known = Object.keys(KNOWN).find((each) => KNOWN[each].split(" ").includes(state));
    const category = known === "upstream" && reason === "client" ? "final" : known ?? (status < 500 ? "client" : "upstream");
    if (!cut || category !== "ok") reply = { state, reason, category, executed, data: said ?? body };
    if (/^(waiting|pass_expired)$/.test(state)) reply.retry = { how: "join" };
  } else if (status < 400 && (said !== undefined || status === 204)) reply = { state: "ok", category: "ok", executed: "yes", data: said };
  else if (executed === "no" && status < 500 && ![408, 425, 429].includes(status)) reply.retry = { how: "fix" };
  return complete(reply, status, headers);
}

const sleep = (ms, signal) =>
  new Promise((done) => {
    later(done, ms);
    signal?.addEventListener("abort", done);
  });

/** Speak to the sidecar at `base`, or to the one that this module came from. */
export function sidecar(base = "/", options = {}) {
  const home = new URL(base, import.meta.url).origin, rooms = new Map(), listeners = new Set();
  const wire = { home, send, tell, storage: options.storage };

  function on(word, listener) {
    const entry = [word, listener];
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
  async function send(path, { method, body, signal, timeout_ms = options.timeout_ms ?? 3e4, ...held }) {
    const stop = new AbortController(), abort = () => stop.abort(), safe = reads(method);
    const gone = new Promise((_, fail) => (stop.signal.onabort = fail));
    let sent = false, timer;
    try {
      const url = new URL(path, home), headers = new Headers(held.headers), set = (name, value) => value && headers.set(name, value);
      if (url.origin !== home) throw `${url.origin} is not ${home}`; // nobody else sees a pass or a key
      if (!headers.has("Accept")) set("Accept", "application/json, application/problem+json");
      set("Accept-Language", options.language);
      set("Sidecar-Pass", held.pass);
      set("Sidecar-Place", held.place);
      set("Idempotency-Key", held.key && `"${held.key}"`);
      const init = { method, body, headers, credentials: options.credentials ?? "same-origin" };
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
    let last, n = 0;
    const ended = (reply, target = path) => tell(reply, { path: target, attempt: n, again_ms: null });
    try {
      const { attempts = 4, patience_ms = 6e4, signal, timeout_ms, room, ...more } = { ...options, ...given };
      const plain = more.body && typeof more.body === "object" && !more.body[Symbol.toStringTag];
      const method = more.method ?? (more.body == null ? "GET" : "POST"), body = plain ? JSON.stringify(more.body) : more.body;
      const headers = new Headers(more.headers);
      if (plain && !headers.has("Content-Type")) headers.set("Content-Type", "application/json");
      if (timeout_ms) headers.set("Sidecar-Timeout", timeout_ms / 1000);
      const key = more.key === true ? crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(4)).join("-") : more.key;
      let { place } = more, until = now() + patience_ms, sends = 0, polls = 0, asked, joined, fetched;

      for (;;) {
        n++;
        // While the first call with this key runs, only its outcome is asked for.
        const target = asked ? asked.links.poll : path, wish = asked ? { method: "GET" } : { method, body, place };
        const passes = [...rooms.values()].filter((each) => each.pass);
        const reply = await send(target, { headers, signal, timeout_ms, key, pass: passes.map((each) => each.pass).join(", "), ...wish });
        const { state, executed, retry, queue } = reply, how = retry?.how, token = reply.headers.get("Sidecar-Pass");
        if (token || state === "pass_expired") (rooms.get(reply.room?.name) ?? (passes[1] ? null : passes[0]))?.renew(token);
        const same = key && (asked ?? reply).retry?.same_key === true;
        let count = asked ? ++polls : ++sends, again = false, stands = false;
        if (!asked) last = reply;
        place = state === "overloaded" && queue?.kind === "call" && text(queue.place);
        if (how === "poll" && text(reply.links?.poll)) again = asked = last = reply;
        else if (how === "wait" && (executed === "no" || reads(wish.method) || (same && executed === "unknown"))) again = asked || sends < attempts;
        else if (asked && same && !fetched && /^(replayed|not_found)$/.test(state)) {
          // It is over: the same call with this key gets the answer.
          again = fetched = true;
          asked = null;
        } else stands = joined = how === "join" && executed === "no" && room && !joined;
        // Never earlier than told.
        let again_ms = (number(retry?.after_s) * 1000 || Math.min(500 * 2 ** count, 1e4)) * (1 + Math.random() / 4);
        if (!again || signal?.aborted || now() + again_ms > until) again_ms = null;
        tell(reply, { path: target, attempt: n, again_ms });
        if (stands) {
          const mine = room === true ? join(reply.room.name) : room;
          if (state === "pass_expired" || mine.over) mine.join();
          await mine.turn(signal);
          until = now() + patience_ms;
          if (!mine.pass && !signal?.aborted) return reply;
        } else if (again_ms === null) {
          // A poll that failed says nothing of the call.
          return asked && executed === "no" && !/^(ok|final)$/.test(reply.category) ? asked : reply;
        } else await sleep(again_ms, signal);
        if (signal?.aborted) return ended(made("aborted", last.executed, "given up"), target);
      }
    } catch (error) {
      return ended(made("malformed", last?.executed ?? "no", error, "client"));
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

  return { call, join, on };
}

class Room extends EventTarget {
  place = null;
  pass = null;
  envelope = null;
  queue = null;
  over = false;
  #wire; #who; #when; #key; #channel; #timer; #release; #leading; #closed; #missed;
  #fresh; // who we are is still to be told
  #asked = -1000;
  #wanted = {};
  #fails = 0;
  #lost = -6e4;
  #offset = 0;

  constructor(wire, name, { claim = "visible", ...who } = {}) {
    super();
    this.name = name;
    this.#wire = wire;
    this.#when = claim;
    this.#who = who;
    this.#fresh = Object.keys(who).length > 0;
    this.#key = `sidecar ${wire.home} ${name}`;
    this.#kept((store) => ({ place: this.place, pass: this.pass } = JSON.parse(store.getItem(this.#key))));
    try {
      this.#channel = new BroadcastChannel(this.#key);
      this.#channel.onmessage = ({ data }) => this.#heard(data);
      this.#channel.postMessage({});
    } catch {  }
    const start = () => {
      if (!this.#closed) this.#listen("addEventListener");
      this.#elect(!hidden());
    };
    later(start, this.place || !this.#channel ? 0 : 100); // another tab may know our place
  }

  claim = () => this.#ask("claim");
  leave = () => this.#ask("leave");
  release = () => this.#ask("release");
  now = () => Date.now() + this.#offset; // the server's clock

  join() {
    this.over = !!this.#closed;
    this.#fresh = true;
    this.#wakes();
  }

  close() {
    this.#closed = true;
    this.#end();
    this.#listen("removeEventListener");
    this.#channel?.close();
  }

  turn(signal) {
    return new Promise((done) => {
      const check = () => (this.pass || this.over || signal?.aborted) && done();
      for (const type of ["state", "over"]) this.addEventListener(type, check);
      signal?.addEventListener("abort", check);
      check();
    });
  }

  renew(pass) {
    this.pass = pass;
    this.#save();
    if (!pass) this.#wakes();
  }

  #kept(act) {
    try {
      act(this.#wire.storage ?? localStorage);
    } catch { /* memory will do */ }
  }

  #save() {
    const { place, pass } = this;
    this.#kept((store) => store.setItem(this.#key, JSON.stringify({ place, pass })));
  }

  #listen(act) {
    globalThis.document?.[act]("visibilitychange", this.#wake);
    for (const type of ["pageshow", "online"]) globalThis[act]?.(type, this.#wake);
  }

  /* The tab that was looked at last asks for all: its timers are not throttled. */
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
    const near = poll && queue?.visitor === "waiting" && queue.ahead !== null && queue.ahead <= 20;
    const path = `/.sidecar/rooms/${encodeURIComponent(this.name)}/${verb}${near ? "?wait=20" : ""}`;
    const more = poll ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(verb === "join" ? this.#who : { session }) };
    const reply = await this.#wire.send(path, { method: "GET", place, pass, timeout_ms: 4e4, ...more });
    if (!this.#closed) {
      this.#hear(reply, verb);
      this.#post(reply, verb);
    }
    return this.#wire.tell(reply, { path, attempt: this.#fails, again_ms: null, room: this.name });
  }

  #post(reply, verb) {
    const { place, pass } = this;
    this.#channel?.postMessage({ reply, verb, place, pass });
  }

  #heard({ reply, verb, place, pass }) {
    if (!verb) return this.#leading && this.place && this.#post(this.envelope, "place");
    Object.assign(this, { place, pass });
    this.#asked = now();
    if (reply) this.#hear(reply, verb);
  }

  #hear(reply, verb) {
    const { category, queue, retry, state } = reply, before = this.queue?.visitor, told = text(category === "ok" && queue?.visitor);
    const next_ms = number(queue?.next_poll_ms), at = Date.parse(reply.server_time), behind = Date.parse(this.envelope?.server_time) - at;
    let wait_ms = next_ms || 2e4, ends = false, event = told;
    // Overtaken on its way; or, by half a minute, the server's clock was set.
    if (verb === "place" && behind > 0 && behind < 3e4) return this.#due(wait_ms);
    if (at) this.#offset = at - Date.now();
    this.envelope = reply;
    if (told) {
      this.queue = queue;
      this.place = text(queue.place) ?? this.place;
      this.pass = text(reply.pass?.token) ?? this.pass;
      this.#missed &&= verb === "claim";
      this.#fresh &&= verb !== "join";
      if (told !== "called") this.#fails = 0;
      if (/^(expired|left|released|forfeited)$/.test(told)) {
        this.pass = null;
        if (told !== "expired") this.place = null;
        ends = !this.place || !next_ms;
      } else if (this.#claims()) wait_ms = 0;
    } else {
      event = "failed";
      wait_ms = Math.max(number(retry?.after_s) * 1000, Math.min(1000 * 2 ** this.#fails++, 6e4) * (0.5 + Math.random() / 2));
      this.#missed ||= verb === "claim";
      if (state === "pass_expired") this.pass = null;
      else if (state === "waiting" && verb !== "join") {
        // Joined again, once.
        event = "lost";
        ends = now() - this.#lost < 6e4;
        this.#lost = now();
        this.place = this.pass = this.queue = null;
        wait_ms = 0;
      } else ends = /^(join|place)$/.test(verb) && /^(join|fix|never)$/.test(retry?.how);
    }
    this.#save();
    if (ends) this.#end();
    else this.#due(wait_ms);
    for (const type of ["state", event !== before && event, ends && "over"]) type && this.dispatchEvent(new CustomEvent(type, { detail: reply }));
  }
}
