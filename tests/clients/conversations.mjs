// Holds each conversation that stands on stdin, one JSON object a line, and prints what came of it, one line each.
// A conversation: { method, key, options, replies: [{ body, status, state, headers, fails }] }; the last reply is given for ever.
import readline from "node:readline";
import { World, reply } from "./world.mjs";

async function hold({ method, key, options, replies }) {
  const world = new World(), tab = await world.tab(), heard = [];
  tab.api.on("*", (envelope, context) => heard.push([envelope.state, context.again_ms]));
  world.server = () => {
    const { fails, body, ...more } = replies[Math.min(world.asked.length, replies.length) - 1];
    if (fails === "offline") tab.online = false;
    if (fails) throw new TypeError("Failed to fetch");
    return reply(body, more);
  };
  const body = /^(GET|HEAD)$/.test(method) ? undefined : { a: 1 };
  const end = await world.until(tab.api.call("/tickets/json/Reserve", { method, body, key, ...options }));
  const keys = world.asked.map(({ headers }) => headers.get("Idempotency-Key"));
  const places = world.asked.map(({ headers }) => headers.get("Sidecar-Place"));
  return { end, status: end.status, asked: world.paths(), at: world.asked.map(({ at }) => at), bodies: world.asked.map(({ body }) => body ?? null), keys, places, heard };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await hold(JSON.parse(line)))}\n`);
}
