/* The panel: how the backend bears it, what the sidecar has learnt of it, and the crowd that the visitor sends. */

const $ = (id) => document.getElementById(id);
const EVERY_MS = 700;
const KEPT = 120; // looks: a minute and a half
const FULL = 400; // calls in flight at which the house falls
const SALE = [[75, 15], [150, 15], [400, 15], [75, 15]]; // people a second, for so many seconds
const SLOW = { knee: 8, for_s: 30 };

const seen = [];
let sale = 0; // which one is on; a hand on the slider ends it

/** `door(path, wish)` asks the shop's own server; `onsale` is shown what has become of the crowd before the waiting room. */
export function open(door, onsale) {
  const turn = (rate, for_s) => door("/tide", for_s ? { rate, for_s } : { rate });
  $("tide").addEventListener("input", () => { sale += 1; $("tide-rate").textContent = $("tide").value; });
  $("tide").addEventListener("change", () => turn(Number($("tide").value)));
  $("sale").addEventListener("click", () => sell(turn));
  $("slow").addEventListener("click", () => door("/control", $("slow").ariaPressed === "true" ? { reset: true } : SLOW));
  watch(onsale);
}

async function sell(turn) {
  const mine = (sale += 1);
  for (const [rate, seconds] of SALE) {
    if (mine !== sale) return;
    await turn(rate, seconds + 2);
    await new Promise((done) => setTimeout(done, seconds * 1000));
  }
  if (mine === sale) await turn(0);
}

async function watch(onsale) {
  try {
    const stats = await (await fetch("/stats")).json();
    look(stats);
    onsale(stats.sale);
  } catch {
    $("backend").textContent = "not watched";
  }
  setTimeout(watch, EVERY_MS, onsale);
}

function look(stats) {
  const tickets = stats.sidecar?.tickets;
  const executed = Object.values(stats.executed).reduce((all, n) => all + n, 0);
  seen.push({ at: performance.now(), executed, work: stats.work, inFlight: stats.in_flight, knee: stats.knee, limit: tickets?.limit ?? null });
  if (seen.length > KEPT) seen.shift();
  gauge(stats);
  $("in-flight").textContent = stats.in_flight;
  $("knee").textContent = stats.knee;
  $("pace").textContent = Math.round(pace("executed"));
  $("best").textContent = `${Math.round((100 * pace("work")) / stats.best_work_per_s)} % of its best`;
  $("limit").textContent = tickets ? limits(stats.sidecar) : "–";
  $("queued").textContent = tickets ? tickets.queued : "–";
  $("peak").textContent = stats.peak;
  $("executed").textContent = executed;
  $("falls").textContent = stats.resets;
  $("backend").textContent = stats.down_s > 0 ? `fell, up in ${Math.ceil(stats.down_s)} s` : condition(stats.controls);
  $("slow").ariaPressed = String(stats.controls.knee > 0);
  crowd(stats.crowd);
  draw();
}

/* A logarithmic scale: both its best and its end must be seen. */
function gauge(stats) {
  const share = (calls) => `${(Math.log1p(calls) / Math.log1p(FULL)) * 100}%`;
  $("gauge-fill").style.inlineSize = share(stats.in_flight);
  $("gauge-fill").classList.toggle("is-over", stats.in_flight > 1.5 * stats.knee);
  $("gauge").style.setProperty("--knee", share(stats.knee));
}

/* So much a second, over the last four looks: one alone jumps. */
function pace(what) {
  const [first, last] = [seen[Math.max(0, seen.length - 5)], seen.at(-1)];
  return last.at > first.at ? (1000 * (last[what] - first[what])) / (last.at - first.at) : 0;
}

function limits(backends) {
  const others = Object.entries(backends).filter(([name]) => name !== "tickets").map(([, each]) => each.limit);
  return [backends.tickets.limit, ...others].join(" + ");
}

function crowd({ rate, here, people, served }) {
  if (document.activeElement !== $("tide") || rate === 0) $("tide").value = rate;
  $("tide-rate").textContent = Math.round(rate);
  $("tide-said").textContent = people
    ? `${people.toLocaleString("en-GB")} people came, ${served.toLocaleString("en-GB")} have been served, ${here.toLocaleString("en-GB")} are here.`
    : "Nobody is here but you.";
}

/* The last minute and a half: calls in flight, the limit that was learnt, the knee. */
function draw() {
  const top = Math.max(40, ...seen.map((look) => Math.min(look.inFlight, FULL)));
  for (const [id, value] of [["trace-flight", "inFlight"], ["trace-limit", "limit"], ["trace-knee", "knee"]]) {
    const points = seen.map((look, at) => [at + KEPT - seen.length, look[value]]).filter(([, calls]) => calls !== null);
    $(id).setAttribute("points", points.map(([x, calls]) => `${x},${(40 - (38 * Math.min(calls, top)) / top).toFixed(1)}`).join(" "));
  }
}

function condition(controls) {
  if (controls.dead) return "dead";
  if (controls.freeze) return "frozen";
  if (controls.hangup) return "hanging up";
  if (controls.html) return "answering pages";
  return controls.latency_s || controls.knee ? "slow" : "up";
}
