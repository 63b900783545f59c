/* Backends: a board of lamps for all, a card for each with its slots, its figures and its last five minutes. */

import { Chart } from "./chart.js";
import { $, define, fill, keyed, make, mark, set, show, unsaid } from "./draw.js";
import { ago, count, failed, list, many, most, number, object, rate, span, text, UNKNOWN } from "./say.js";
import { groupOf, PRESSURE, STATES, word } from "./words.js";

// Column of the history, which names the colour, too: its name for people.
const SLOTS = { in_flight: "in flight", queued: "in line", limit: "limit" };
const RATES = { done: "answered", refused: "refused", failed: "failed", declined: "declined" };
const SEATS_MOST = 64; // more are no longer told apart one by one

const cards = new Map(); // node -> card
const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) cards.get(target)?.see(isIntersecting);
}, { rootMargin: "120px" });

/** Draw the charts anew: in other colours, in another width. */
export function repaint() {
  for (const card of cards.values()) card.plot(true);
}

/** Show the backends; `facts`: { status, history, nowMs }. */
export function backends(facts) {
  const all = list(facts.status.backends), board = all.length > 1 ? all : [], name = (backend) => text(backend.name, "");
  show($("no-backends"), !all.length);
  show($("board"), board.length > 0);
  keyed($("board"), board, name, tile);
  keyed($("cards"), all.map((backend) => ({ backend, ...facts })), ({ backend }) => name(backend), () => new Card());
}

function tone({ pressure }) {
  return word(PRESSURE, pressure) ? pressure : "none";
}

function tile() {
  const name = make("span"), use = make("span", "use"), said = make("span", "unseen"), link = make("a", "", unsaid("i", "lamp"), name, use, said);
  return {
    node: make("li", "", link),
    update(backend, index) {
      const line = backend.queued > 0;
      mark(link, "href", `#backend-${index}`);
      mark(link, "data-tone", tone(backend));
      set(name, text(backend.name));
      set(use, `${count(backend.in_flight)}/${count(backend.limit)}${line ? ` +${count(backend.queued)}` : ""}`);
      set(said, ` in flight${line ? " and in line" : ""}, ${text(backend.pressure)}`);
    },
  };
}

class Card {
  #seen = false;
  #at = Infinity; // where the pointer is, as an index of the history

  constructor() {
    this.title = make("h3");
    this.where = make("p", "where");
    this.pressure = make("p", "pressure", unsaid("i", "lamp"), make("b"), make("span"));
    this.seats = unsaid("div", "seats", make("i", "used"), make("i", "ghosts"), make("i", "shut"));
    this.slots = make("p", "slots");
    this.line = unsaid("div", "bar queue", make("i"));
    this.waiting = make("p", "slots");
    this.numbers = make("dl", "numbers");
    this.failure = make("p", "since");
    this.plots = make("div", "plots");
    this.states = make("ul", "chips");
    this.charts = [this.#chart("Slots and line", SLOTS, false, count), this.#chart("Answers per second", RATES, true, rate)];
    this.node = make("article", "card", make("header", "", this.title, this.where, this.pressure),
      make("div", "", this.seats, this.slots, this.line, this.waiting), this.numbers, this.failure, this.plots, this.states);
    this.node.tabIndex = -1;
    cards.set(this.node, this);
    sight.observe(this.node);
  }

  gone() {
    for (const { chart } of this.charts) chart.drop();
    cards.delete(this.node);
  }

  see(seen) {
    this.#seen = seen;
    this.plot();
  }

  update({ backend, status, history, nowMs }, index) {
    this.backend = backend;
    this.history = history;
    mark(this.node, "id", `backend-${index}`);
    for (const node of [this.node, this.pressure]) mark(node, "data-tone", tone(backend));
    set(this.title, text(backend.name));
    set(this.where, `${text(backend.protocol)} ${text(backend.path)}`);
    set(this.pressure.children[1], text(backend.pressure));
    set(this.pressure.children[2], word(PRESSURE, backend.pressure) ?? "");
    this.#bars(list(status.overrides).some(({ backend: name, noun }) => name === backend.name && noun === "limit"));
    const ms = (value) => (number(value) === null ? UNKNOWN : `${rate(value)} ms`);
    define(this.numbers, [["calls per second", rate(backend.calls_per_s)], ["half within (p50)", ms(backend.backend_ms_p50)], ["95 % within (p95)", ms(backend.backend_ms_p95)]]);
    const why = failed(backend.last_failure);
    set(this.failure, backend.last_failure === null ? "The backend has not failed since the start." : `Last failure: ${why ? `${why}, ${ago(backend.last_failure.at, nowMs)}` : UNKNOWN}`);
    keyed(this.states, most(list(object(status.states).by).filter((row) => row.backend === backend.name)), (row) => text(row.state), chip);
    this.plot();
  }

  #bars(byHand) {
    const { in_flight, limit, limit_configured: settings, queued, queue_size } = this.backend;
    const [used, ghosts, waiting, most, written] = [in_flight, this.backend.ghosts, queued, limit, settings].map((value) => number(value) ?? 0);
    const all = Math.max(most, written, used + ghosts, 1), busy = Math.max(most, used + ghosts);
    mark(this.seats, "class", all > SEATS_MOST ? "seats is-many" : "seats");
    this.seats.style.setProperty("--seats", all);
    [used, ghosts, most && all - busy].forEach((n, i) => fill(this.seats.children[i], n, all));
    const parts = [["flight", `${count(in_flight)} in flight`], ["free", `${most ? count(busy - used - ghosts) : UNKNOWN} free of ${count(limit)}`]];
    if (ghosts) parts.splice(1, 0, ["ghost", `${many(ghosts, "ghost")} (caller gone)`]);
    const { how, min, max, why } = object(this.backend.limiter);
    if (how === "adaptive") parts.push(["since", `${byHand ? "by hand; " : ""}learnt in ${count(min)}–${count(max)}: ${text(why)}`]);
    else if (most && written && written !== most) parts.push(["since", `${byHand ? "by hand; " : ""}settings: ${count(settings)}`]);
    keyed(this.slots, parts, ([name]) => name, ([name]) => {
      const node = make("span", name);
      return { node, update: ([, said]) => set(node, said) };
    });
    fill(this.line.firstChild, waiting, number(queue_size) || waiting);
    const who = list(this.backend.classes).filter((each) => each.queued > 0).map((each) => `, ${text(each.class)} ${count(each.queued)} (${span(each.eta_s)})`).join("");
    set(this.waiting, `${count(queued)} in line, which holds ${count(queue_size)}${who}`);
  }

  #chart(title, lines, stacked, say) {
    const box = unsaid("div", "plot"), when = make("span", "since"), told = make("p", "unseen"), legend = make("ul", "legend");
    const values = Object.entries(lines).map(([key, name]) => {
      const value = make("b"), swatch = unsaid("i", "swatch");
      swatch.style.setProperty("--of", `var(--${key})`);
      legend.append(make("li", "", swatch, name, value));
      return [key, value, name];
    });
    this.plots.append(make("figure", "", make("figcaption", "", title, when), box, unsaid("p", "scale since", make("span", "", "5 min ago"), "now"), legend, told));
    const chart = new Chart(box, Object.keys(lines), stacked, (index) => {
      this.#at = index ?? Infinity;
      this.#legends();
    });
    return { chart, values, when, told, say };
  }

  plot(anew = false) {
    if (anew) for (const { chart } of this.charts) chart.drop();
    const columns = this.#seen && this.history.columns.get(text(this.backend.name, ""));
    if (!columns) return;
    for (const { chart, values, told, say } of this.charts) {
      chart.draw(this.history.times, columns);
      // What the lines show, for whoever does not see them.
      set(told, `In the last 5 minutes: ${values.map(([key, , name]) => {
        const known = columns[key].filter((value) => value !== null);
        return known.length ? `${name} ${say(Math.min(...known))} to ${say(Math.max(...known))}` : `${name} not known`;
      }).join("; ")}.`);
    }
    this.#legends();
  }

  #legends() {
    const { times, columns } = this.history, mine = columns.get(text(this.backend.name, "")), last = times.length - 1, index = Math.min(this.#at, last);
    for (const { values, when, say } of this.charts) {
      set(when, index === last ? "now" : `${span(times[last] - times[index])} ago`);
      for (const [key, value] of values) set(value, say(mine?.[key][index]));
    }
  }
}

function chip() {
  const state = make("code"), n = make("b"), said = make("span", "unseen"), node = make("li", "", state, n, said);
  return {
    node,
    update(row) {
      set(state, text(row.state));
      set(n, count(row.count));
      set(said, word(STATES, row.state) ?? "");
      node.style.setProperty("--of", `var(--${groupOf(row.state)})`);
    },
  };
}
