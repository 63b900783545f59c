// A room as the sidecar keeps it, as far as one visitor sees of it; a test says what his word is.
import { reply } from "./world.mjs";

export class Office {
  word = "waiting";
  ahead = 790;
  next_poll_ms = 10000;
  claim_by = null;
  refuse = null; // { verb: reply, or what makes one } in its place
  joins = 0;
  more = {};

  constructor(world) {
    this.world = world;
    world.server = (request) => this.answer(request);
  }

  answer({ path, headers }) {
    const verb = path.match(/^\/\.sidecar\/rooms\/hamlet\/(\w+)/)?.[1], refused = this.refuse?.[verb];
    if (refused) return typeof refused === "function" ? refused() : refused;
    const known = headers.get("Sidecar-Place"), queue = { kind: "room", lane: "main", place_code: "7KQ2-9F", reason: null };
    const more = { ...this.more };
    if (verb === "join") queue.place = known ?? `p${++this.joins}`;
    if (verb === "claim") {
      this.word = "admitted";
      more.pass = { token: "pass-1", expires_at: "2026-12-01T10:00:00Z" };
    }
    if (verb === "leave") this.word = "left";
    if (verb === "release") this.word = "released";
    Object.assign(queue, { visitor: this.word, ahead: this.ahead, next_poll_ms: this.next_poll_ms, claim_by: this.claim_by });
    return reply({ state: "ok", category: "ok", executed: "no", queue, room: { name: "hamlet", state: "open" }, ...more, server_time: this.world.server_time(), v: 1 });
  }
}

export const refusal = (state, category, status, retry, more = {}) => reply({ state, category, status, executed: "no", retry, v: 1, ...more });
