/* The gala: an on-sale with a waiting room. It joins with the sidecar's own client, shows place, wait and countdown, claims when it is
 * called, and buys with the pass. What happens is told once in words; numbers that tick are not read aloud. */

import { make } from "./ledger.js";
import { position, wait } from "./words.js";

const $ = (id) => document.getElementById(id);
const PERFORMANCE = 1207;
const BOARD_MS = 3000; // caches may carry it, so it shows that the line moves between two words about oneself
const HEADS = {
  lobby: "You are in the lobby", waiting: "You are in line", parked: "You are in line", called: "It is your turn",
  admitted: "You are in: buy now", needs_action: "One more step is needed", expired: "Your time to buy is over",
  forfeited: "Your turn has passed", left: "You have left", released: "You are done. Enjoy the gala",
};
const ROLES = [["lobby", "in the lobby"], ["waiting", "wait"], ["called", "called"], ["admitted", "buying"], ["served", "served"],
  ["left", "left"], ["asleep", "fell asleep"]];

/** `shop`: { reserve(performance, pass), checkout(pass), door(path, wish) }; `where`: shop.json. */
export function open(shop, where) {
  let room = null;
  let head = null;
  let last = null; // of what was said

  click("gala-join", async () => {
    let client;
    try {
      client = await import(`${where.sidecar}/.sidecar/client.js`);
    } catch {
      say("The waiting room cannot be reached: is the sidecar running?");
      return;
    }
    shop.door("/sale", {}, true); // which may be there already
    if (room) {
      room.join();
      return;
    }
    room = client.sidecar(where.sidecar).join(where.room, { claim: "manual" });
    if (room.over) room.join(); // of an evening before this one
    for (const word of ["state", "over", "lost"]) room.addEventListener(word, ({ detail }) => show(room, (last = detail ?? last)));
    show(room, null);
  });
  click("gala-claim", () => room.claim());
  click("gala-leave", () => room.leave());
  click("gala-reserve", async () => {
    const outcome = await shop.reserve(PERFORMANCE, room.pass);
    if (outcome.category === "ok") toggle("gala-reserve", false), toggle("gala-pay", true);
    else say(outcome.message ?? outcome.detail ?? outcome.state);
  });
  click("gala-pay", async () => {
    const outcome = await shop.checkout(room.pass);
    if (outcome.category === "ok") {
      say(`Order ${outcome.data} is confirmed. Enjoy the gala!`);
      toggle("gala-pay", false);
      room.release();
    }
  });
  setInterval(() => room && tick(room, last), 1000);
  setInterval(() => room && !room.over && board(`${where.sidecar}/.sidecar/rooms/${where.room}/board`), BOARD_MS);

  function show(at, said) {
    const { queue, over } = at;
    const word = queue?.visitor ?? (over ? "left" : null);
    const next = word ? HEADS[word] ?? HEADS.waiting : said?.message?.text ?? said?.title ?? "Joining";
    $("gala").dataset.word = word ?? "none";
    $("gala-head").textContent = next;
    $("gala-code").textContent = queue?.place_code ? `Your place is ${queue.place_code}` : "";
    const line = word === "waiting" || word === "parked";
    $("gala-ahead").textContent = line ? position(queue.ahead) ?? "" : "";
    const admitted = word === "admitted";
    toggle("gala-claim", word === "called");
    toggle("gala-leave", line || word === "lobby" || word === "called");
    if (admitted !== (head === "admitted")) toggle("gala-reserve", admitted);
    if (!admitted) toggle("gala-pay", false);
    toggle("gala-join", over);
    if (head !== word) say([next, $("gala-ahead").textContent].filter(Boolean).join(". "));
    head = word;
    tick(at, said);
  }
}

/* Every second: to the opening, what the wait is by now, and until when to come. */
function tick(room, last) {
  const { queue } = room;
  const opens = Date.parse(last?.room?.opens_at ?? "") - room.now();
  const said = {
    lobby: opens > 0 ? `The sale opens in ${clock(opens)}. Everybody in the lobby is drawn: no need to hurry` : "",
    waiting: opens > 0 ? `Drawn. The sale opens in ${clock(opens)}` : wait(queue?.eta_low_s, queue?.eta_high_s) ?? "The doors are open. The first estimate comes with the next news of your place",
    called: `Come within ${clock(Date.parse(queue?.claim_by ?? "") - room.now())}`,
  }[queue?.visitor];
  $("gala-eta").textContent = said ?? "";
}

/* How far the line has come, which is the same for everybody. */
async function board(url) {
  try {
    const { room, lanes, rate_per_min: rate } = await (await fetch(url)).json();
    const pace = rate === null ? "" : `, ${rate.toLocaleString("en-GB")} each minute`;
    $("gala-board").textContent = room.state === "open" ? `${lanes.main.frontier.toLocaleString("en-GB")} places have had their turn${pace}` : "";
  } catch {
    $("gala-board").textContent = "";
  }
}

/** What the crowd is at, from the shop's own count. */
export function crowd(sale) {
  if (!sale) return;
  const { words, people, orders } = sale;
  const parts = ROLES.filter(([word]) => words[word]).map(([word, name]) => make("li", "", make("b", "", words[word].toLocaleString("en-GB")), ` ${name}`));
  $("gala-crowd").replaceChildren(make("li", "", make("b", "", people.toLocaleString("en-GB")), " people with you:"), ...parts,
    make("li", "", make("b", "", orders.toLocaleString("en-GB")), " orders"));
}

function clock(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

function say(text) {
  $("gala-said").textContent = text;
}

function toggle(id, on) {
  $(id).hidden = !on;
}

function click(id, act) {
  $(id).addEventListener("click", async () => {
    $(id).disabled = true;
    try { await act(); } finally { $(id).disabled = false; }
  });
}
