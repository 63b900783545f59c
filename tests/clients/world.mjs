// A browser for the client's tests: tabs that share locks, channels, storage and one clock which only a test moves.
// Each tab is a realm of its own in which the module runs as it is shipped; `world.server` answers its requests.
// Run with --experimental-vm-modules.
import fs from "node:fs";
import vm from "node:vm";

const SOURCE = fs.readFileSync(new URL("../../clients/js/sidecar.js", import.meta.url), "utf8");
export const ORIGIN = "https://api.example";
const NOON = Date.UTC(2026, 11, 1, 9);
const SHARED = { AbortController, AbortSignal, CustomEvent, DOMException, Event, EventTarget, FormData, Headers, Request, Response, URL, URLSearchParams, crypto };

/** Let everything run that needs no clock. */
async function settle() {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

/** What a fetch gives: a reply of the sidecar's, with this body. */
export function reply(body, { status = body?.status ?? 200, state = body?.state, headers = {} } = {}) {
  const type = /^</.test(body) ? "text/html" : "application/json";
  const all = new Headers({ "Content-Type": type, ...(state ? { "Sidecar-State": state } : {}), ...headers });
  return { status, headers: all, text: async () => (typeof body === "string" ? body : JSON.stringify(body)) };
}

export class World {
  ms = 0;
  asked = []; // every request: at, tab, method, path, headers, body
  server = () => reply({ state: "ok", category: "ok", executed: "yes", v: 1 });
  storage = new Map();
  locks = new Map();
  channels = new Set();
  skew_ms = 0; // how wrong the clock of the machine is
  #timers = [];
  #count = 0;

  later(act, ms = 0, tab = null) {
    const timer = { at: this.ms + (ms > 2 ** 31 - 1 || !(ms > 0) ? 0 : ms), n: this.#count++, act, tab };
    this.#timers.push(timer);
    return timer;
  }

  cancel(timer) {
    this.#timers = this.#timers.filter((each) => each !== timer);
  }

  forget(tab) {
    this.#timers = this.#timers.filter((each) => each.tab !== tab);
  }

  /** Let `ms` pass. */
  async pass(ms) {
    const end = this.ms + ms;
    await settle();
    for (;;) {
      const [next] = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at || a.n - b.n);
      if (!next) break;
      this.cancel(next);
      this.ms = Math.max(this.ms, next.at);
      next.act();
      await settle();
    }
    this.ms = end;
  }

  /** Let time pass until `promise` settles, and return what it gives; an hour at most. */
  async until(promise) {
    let done = false, value;
    promise.then((got) => ((done = true), (value = got)), (error) => ((done = true), (value = { rejected: error })));
    await settle();
    for (let n = 0; !done && n < 10000; n++) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at || a.n - b.n);
      if (!next) break;
      await this.pass(next.at - this.ms);
    }
    if (!done) throw new Error("it never settled");
    return value;
  }

  server_time() {
    return new Date(NOON + this.ms).toISOString();
  }

  paths(since = 0) {
    return this.asked.slice(since).map(({ method, path }) => `${method} ${path}`);
  }

  async tab({ visible = true, storage = true, locks = true, channel = true, address, options = {} } = {}) {
    const tab = new Tab(this, { visible, storage, locks, channel, address });
    await tab.load(options);
    return tab;
  }

  async lock(tab, name, { steal = false }, act) {
    const line = this.locks.get(name) ?? { held: null, waiting: [] };
    this.locks.set(name, line);
    return new Promise((done, fail) => {
      const wish = { tab, act, done, fail };
      if (steal && line.held) {
        const { fail } = line.held;
        this.later(() => fail(new DOMException("stolen", "AbortError")), 5); // whom it was stolen from hears of it later
        line.held = null;
      }
      if (steal) line.waiting.unshift(wish);
      else line.waiting.push(wish);
      this.#grant(line);
    });
  }

  #grant(line) {
    if (line.held || !line.waiting.length) return;
    const wish = (line.held = line.waiting.shift());
    const free = () => {
      if (line.held !== wish) return;
      line.held = null;
      this.#grant(line);
    };
    Promise.resolve().then(() => wish.act({})).then((value) => (free(), wish.done(value)), (error) => (free(), wish.fail(error)));
  }

  drop(tab) {
    for (const line of this.locks.values()) {
      line.waiting = line.waiting.filter((each) => each.tab !== tab);
      if (line.held?.tab === tab) line.held = null;
      this.#grant(line);
    }
  }
}

class Tab {
  events = [];
  online = true;
  address = "https://shop.example/buy";
  constructor(world, has) {
    this.world = world;
    this.visible = has.visible;
    this.address = has.address ?? this.address;
    const tab = this, listeners = new EventTarget();
    this.listeners = listeners;
    this.document = { get hidden() { return !tab.visible; } };
    const navigator = { get onLine() { return tab.online; } };
    if (has.locks) navigator.locks = { request: (name, options, act) => world.lock(tab, name, options, act) };
    if (has.locks === "forbidden") navigator.locks = { request: async () => { throw new DOMException("no", "SecurityError"); } };
    class Channel {
      constructor(name) {
        Object.assign(this, { name, tab });
        world.channels.add(this);
      }
      postMessage(word) {
        const copy = structuredClone(word);
        for (const each of world.channels) if (each !== this && each.name === this.name) world.later(() => world.channels.has(each) && each.onmessage?.({ data: copy }), 0, each.tab);
      }
      close() {
        world.channels.delete(this);
      }
    }
    this.scope = vm.createContext({
      ...SHARED, navigator, document: this.document, console: { error: (error) => tab.events.push(["console", String(error)]) },
      performance: { now: () => world.ms }, setTimeout: (act, ms) => world.later(act, ms, tab), clearTimeout: (timer) => world.cancel(timer),
      addEventListener: (...all) => listeners.addEventListener(...all), removeEventListener: (...all) => listeners.removeEventListener(...all),
      location: { toString: () => this.address, get href() { return String(this); } },
      history: { state: null, replaceState: (_, __, url) => (this.address = url) },
      fetch: (url, init) => tab.fetch(url, init), ...(has.channel ? { BroadcastChannel: Channel } : {}),
    });
    Object.defineProperty(this.scope, "localStorage", {
      get() {
        if (!has.storage) throw new DOMException("blocked", "SecurityError");
        return { getItem: (key) => world.storage.get(key) ?? null, setItem: (key, value) => world.storage.set(key, value), removeItem: (key) => world.storage.delete(key) };
      },
    });
    this.scope.clock = () => NOON + world.ms + world.skew_ms;
    vm.runInContext("Math.random = () => 0; Date.now = clock;", this.scope);
  }

  async load(options) {
    const module = new vm.SourceTextModule(SOURCE, { context: this.scope, initializeImportMeta: (meta) => (meta.url = `${ORIGIN}/.sidecar/client.js`) });
    await module.link(() => { throw new Error("it has no dependencies"); });
    await module.evaluate();
    this.sidecar = module.namespace.sidecar;
    this.api = this.sidecar(undefined, options);
  }

  async fetch(url, init) {
    if (!this.online) throw new TypeError("Failed to fetch");
    const { pathname, search } = new URL(url);
    const request = { at: this.world.ms, tab: this, method: init.method, path: pathname + search, headers: new Headers(init.headers), body: init.body, signal: init.signal };
    this.world.asked.push(request);
    return this.world.server(request, this);
  }

  /** Join a room and note every event of it. */
  join(name, options) {
    const room = this.api.join(name, options);
    const words = ["lobby", "waiting", "parked", "called", "admitted", "needs_action", "expired", "forfeited", "left", "released", "failed", "lost", "over"];
    for (const word of words) room.addEventListener(word, (event) => this.events.push([word, event.detail.state, event.detail.reason ?? event.detail.queue?.reason]));
    return room;
  }

  words() {
    return this.events.map(([word]) => word);
  }

  show(visible = true) {
    this.visible = visible;
    this.fire("visibilitychange"); // it bubbles up from the document
  }

  fire(type) {
    this.listeners.dispatchEvent(new Event(type));
  }

  connect(online) {
    this.online = online;
    this.fire(online ? "online" : "offline");
  }

  /** Gone without a word, as a closed tab is. */
  close() {
    this.world.forget(this);
    for (const each of this.world.channels) if (each.tab === this) this.world.channels.delete(each);
    this.world.drop(this);
    this.fetch = () => new Promise(() => {});
  }
}
