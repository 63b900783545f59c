/* The last five minutes: per backend one column for each line of the charts. Bounded. */

import { instant, list, number, object, text } from "./say.js";
import { GROUPS, groupOf } from "./words.js";

export const SPAN_S = 300;
const MOST = 400; // rows: one a second is 300; a wild clock makes no more
const HOLE_S = 5; // what is longer is shown as a hole, and no rate is made across it
const RATE_S = 5; // a rate is the average of this
const SLOTS = ["in_flight", "queued", "limit"];

export class History {
  times = [];
  columns = new Map(); // backend -> { in_flight, queued, limit, done, refused, failed, declined }
  #counts = new Map(); // "backend\ngroup" -> how many the status counted last
  #said = 0; // the sidecar's time of it
  #recent = []; // { at, tookS, came }: what came in each of the last seconds

  /** Take what a status says; `at` in seconds, never going back. */
  add(at, status) {
    const last = this.times.at(-1) ?? -Infinity, whole = at - last <= HOLE_S, came = this.#came(status);
    const said = instant(status.server_time) ?? 0, tookS = (said - this.#said) / 1000;
    this.#said = said;
    this.#recent = this.#recent.filter((second) => second.at > at - RATE_S);
    if (came && whole && tookS > 0 && tookS <= HOLE_S) this.#recent.push({ at, tookS, came });
    if (!whole && this.times.length) this.#row(last + 1, new Map());
    const backends = new Map(list(status.backends).map((backend) => [text(backend.name, ""), backend]));
    this.#row(at, backends);
    for (const name of this.columns.keys()) if (!backends.has(name)) this.columns.delete(name);
  }

  /*
   * The status counts a window of minutes, which forgets in steps: what it grew by is what came. Where something shrank, it has
   * moved on (or the process is another): null, and this second is left out.
   */
  #came(status) {
    const before = this.#counts, now = new Map();
    for (const { backend, state, count } of list(object(status.states).by)) {
      const key = `${text(backend, "")}\n${groupOf(state)}`;
      now.set(key, (now.get(key) ?? 0) + (number(count) ?? 0));
    }
    this.#counts = now;
    if ([...before].some(([key, count]) => (now.get(key) ?? 0) < count)) return null;
    return new Map([...now].map(([key, count]) => [key, count - (before.get(key) ?? 0)]));
  }

  #row(at, backends) {
    const { times, columns } = this;
    for (const name of backends.keys()) {
      if (!columns.has(name)) columns.set(name, Object.fromEntries([...SLOTS, ...GROUPS].map((line) => [line, times.map(() => null)])));
    }
    let old = Math.max(0, times.length + 1 - MOST);
    while (times[old] < at - SPAN_S) old += 1;
    times.push(at);
    times.splice(0, old);
    const spentS = this.#recent.reduce((sum, { tookS }) => sum + tookS, 0);
    for (const [name, lines] of columns) {
      const backend = backends.get(name);
      for (const line of SLOTS) lines[line].push(number(backend?.[line]));
      for (const group of GROUPS) lines[group].push(backend && spentS ? this.#recent.reduce((sum, { came }) => sum + (came.get(`${name}\n${group}`) ?? 0), 0) / spentS : null);
      for (const column of Object.values(lines)) column.splice(0, old);
    }
  }
}
