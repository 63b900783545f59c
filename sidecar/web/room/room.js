// @ts-check
/* Moves the page on in place, where it would else load itself again. It writes text and attributes, never markup; what it says is in
   said.js, what is kept in kept.js, what the embedding page hears in widget.js, and the client asks and waits. */

const search = new URL(import.meta.url).search, here = (/** @type {string} */ file) => new URL(file + search, import.meta.url).href;
const $ = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));
const main = /** @type {HTMLElement} */ (document.querySelector("main")), data = /** @type {Record<string, string>} */ ({ ...main.dataset });
const widget = document.documentElement.classList.contains("widget"), path = `/.sidecar/rooms/${data.name}`;
const MOMENTS = ["claim_by", "pass_until", "lobby", "draw", "opens", "next"], ACTIONS = ["join", "claim", "release", "leave", "back", "remedy"];
const POLL_S = Math.max(5, Number(data.poll));

/** @type {any} */ let room = null;
/** @type {any} */ let words;
/** @type {any} */ let parent_;
/** @type {any} */ let kept;
let offset_s = Number(data.wall) - Date.now() / 1000, busy = false, asked = false, watching = 0;
/** What is shown, to tell what changes. */
const last = { where: "", message: $("message").hidden ? "" : $("message").querySelector("p").textContent, known: /** @type {any} */ (null), ahead: Infinity, low: 0 };
const now_s = () => Date.now() / 1000 + offset_s;
const seconds = (/** @type {string | null | undefined} */ text) => (text ? Date.parse(text) / 1000 : null);
const link = (/** @type {any} */ address) => (/^(https?:\/\/|\/(?!\/))[^\s\\]*$/i.test(address ?? "") ? address : "");

/** Say it to who cannot see it change. @param {string[]} lines @param {boolean} [urgent] */
function announce(lines, urgent = false) {
  const text = lines.filter(Boolean).join(" ");
  if (!text) return;
  $(urgent ? "polite" : "urgent").textContent = ""; // so that the same words are said again when they are true again
  $(urgent ? "urgent" : "polite").textContent = text;
}

/** @param {any} node @param {string} text */
const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };
/** Show a text, or hide what it stands in. @param {string} id @param {string} text @param {string} [part] */
function fill(id, text, part) {
  const node = $(id);
  node.hidden = !text;
  if (part === "code" && !node.querySelector(part)) node.querySelector("dd").append(document.createElement(part));
  put(part ? node.querySelector(part) : node, text);
}

function timer() {
  const node = document.createElement("span");
  node.setAttribute("role", "timer");
  return node;
}

/** What a reply means for the page, whatever it is; null where it says nothing of the visitor. @param {any} reply */
function view(reply) {
  const queue = reply.queue ?? {}, about = reply.room ?? {};
  let visitor = queue.visitor ?? null, reason = queue.reason ?? reply.reason ?? null, state = about.state ?? data.state;
  if (reply.state === "sale_closed") state = ["sold_out", "closed"].includes(state) ? state : "closed";
  else if (reply.state === "account_limit" || reply.state === "verify_required") { visitor = "needs_action"; reason ??= reply.state; }
  else if (reply.state === "paused") { state = "paused"; visitor ??= room?.queue?.visitor ?? null; }
  else if (reply.state === "waiting") visitor = null; // the place does not count any more, or never did
  else if (reply.state === "pass_expired") visitor ??= "expired";
  else if (reply.state !== "ok" || (room && !visitor)) return null;
  const known = (/** @type {string} */ word) => Object.hasOwn(words.texts.said, word);
  if (visitor && !known(visitor)) visitor = "waiting"; // words of another release
  if (!known(state) && !known(`join_${state}`)) state = "open";
  data.state = state;
  const token = room?.pass, back = link(data.back);
  return {
    state, visitor, reason, code: queue.place_code, ahead: queue.ahead, eta_low_s: queue.eta_low_s, eta_high_s: queue.eta_high_s, eta_reason: queue.eta_reason,
    opens_at: seconds(about.opens_at), draws_at: seconds(about.draws_at), lobby_s: Number(data.lobby), claim_by: seconds(queue.claim_by),
    pass_until: seconds(reply.pass?.expires_at), message: reply.message?.text ? reply.message : null, next_update_at: seconds(reply.message?.next_update_at),
    remedy: link(reply.links?.remedy ?? data.remedy), back: back && token ? `${back.split("#")[0]}#sidecar-pass=${data.name}:${token}` : back,
  };
}

/** @param {any} reply */
function hear(reply) {
  if (room) kept.put(room);
  if (room) parent_?.keep(room.place);
  if (reply.state === "waiting" && room && !room.over) return; // a place is lost, and the client asks for another one
  if (reply.server_time) offset_s = (seconds(reply.server_time) ?? now_s()) - Date.now() / 1000;
  const seen = view(reply);
  if ($("trouble").hidden && !seen) announce([words.texts.notes.trouble]);
  $("trouble").hidden = !!seen;
  if (!seen) return;
  show(seen);
  parent_?.tell(seen, room);
  if (room && !room.pass && seen.visitor === "admitted" && !asked) {
    asked = true;
    room.claim(); // gives the same pass again
  }
  if (room?.over && seen.visitor === null) { room = null; later(); }
}

/** @param {any} seen */
function show(seen) {
  const told = words.said(seen), turned = told.where !== last.where, focused = document.activeElement, urgent = told.where === "called";
  put($("word"), told.headline);
  fill("lead", told.lead);
  $("ahead").hidden = !told.number;
  $("ahead").classList.toggle("long", told.number.length > 5);
  put($("ahead").firstElementChild, told.number);
  put($("ahead").lastElementChild, told.label);
  fill("eta", told.eta, "dd");
  $("eta").classList.toggle("why", !told.known);
  fill("note", told.note && (kept.forgetful && !parent_?.keeps ? words.texts.notes.memory : told.note));
  fill("code", told.code, "code");
  for (const name of MOMENTS) {
    const at = told.moments[name], node = $(name);
    node.hidden = at == null;
    if (at == null) continue;
    if (!node.querySelector("time")) node.querySelector("dd").append(document.createElement("time"), " ", timer());
    node.querySelector("time").dateTime = new Date(at * 1000).toISOString();
    put(node.querySelector("time"), name === "claim_by" || name === "pass_until" ? words.second(at) : words.moment(at, now_s()));
  }
  for (const name of ACTIONS) $(name).hidden = !told.actions.includes(name);
  $("leaving").hidden = $("leave").hidden;
  for (const name of ["back", "remedy"]) if (seen[name]) $(name).href = seen[name];
  const text = seen.message?.text ?? "";
  fill("message", text, "p");
  $("message").dataset.severity = ["warning", "critical"].includes(seen.message?.severity) ? seen.message.severity : "info";
  document.title = `${urgent ? "● " : ""}${told.headline} · ${document.querySelector("h1")?.textContent}`;
  tick();

  const known = told.eta ? seen.eta_reason ?? "" : null, slower = known === "" && last.low > 60 && seen.eta_low_s > 1.2 * last.low;
  const halved = told.number && last.ahead < Infinity && seen.ahead <= last.ahead / 2;
  const lines = turned ? [`${told.headline}.`, told.lead, told.number && `${told.number} ${told.label}.`] : [];
  if (!turned && known !== last.known && last.known !== null && told.eta) lines.push(`${words.texts.labels.eta}: ${told.eta}.`);
  if (!turned && halved) lines.push(`${told.number} ${told.label}.`);
  if (slower) lines.push(words.texts.notes.slower);
  if (text && text !== last.message) lines.push(`${words.texts.message}: ${text}`);
  if (turned || halved || last.ahead === Infinity) last.ahead = seen.ahead ?? Infinity;
  $("slower").hidden = !(slower || (!$("slower").hidden && !turned && seen.eta_low_s >= last.low));
  announce(lines, urgent && turned);
  Object.assign(last, { where: told.where, message: text, known, low: seen.eta_low_s ?? last.low });

  // Whose turn it is finds the button; whose button is gone finds what became of it. Nobody else's focus is touched.
  if (turned && urgent && document.visibilityState === "visible" && (!widget || document.hasFocus())) $("claim").firstElementChild.focus();
  else if (focused && focused !== document.body && !focused.getClientRects().length) $("word").focus();
}

function tick() {
  for (const name of MOMENTS) {
    const node = $(name), time = node.querySelector("time");
    if (!time || node.hidden || name === "next") continue;
    const left = Date.parse(time.dateTime) / 1000 - now_s();
    put(node.querySelector("[role=timer]"), left > 0 && left < 86400 ? words.left(left) : "");
  }
}

function later() {
  clearTimeout(watching);
  watching = setTimeout(watch, POLL_S * 1000 * (0.85 + 0.3 * Math.random())); // not everybody at once
}

/** Look at the board until somebody joins. */
async function watch() {
  try {
    const board = await (await fetch(`${path}/board`)).json();
    if (room) return;
    const text = board.messages?.[document.documentElement.lang] ?? Object.values(board.messages ?? {})[0];
    hear({ ...board, message: board.message && text ? { ...board.message, text } : null });
  } catch { $("trouble").hidden = false; }
  later();
}

/** @param {any} api @param {any} has a place, and a pass */
function start(api, has) {
  clearTimeout(watching);
  room = api.join(data.name, { claim: "manual", ...has });
  room.addEventListener("state", (/** @type {any} */ { detail }) => hear(detail));
}

async function begin() {
  const texts = await (await fetch(here(`${document.documentElement.lang}.json`))).json();
  const client_js = "/.sidecar/client.js";
  const [said, shelves, client, other] = await Promise.all([import(here("said.js")), import(here("kept.js")), import(client_js), widget ? import(here("widget.js")) : null]);
  words = said.speak(document.documentElement.lang, texts, data.zone);
  last.where = said.situation(data.state, data.visitor || null);
  kept = shelves.shelf(`sidecar-page:${data.name}`);
  const api = client.sidecar(location.origin, { language: document.documentElement.lang, storage: { getItem: () => null, setItem() {} } });
  parent_ = other?.converse(data.name, data.frames.split(" ").filter(Boolean), (/** @type {string} */ place) => room || start(api, { place }));
  main.addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = /** @type {HTMLElement} */ (event.target).id;
    if (busy) return;
    busy = true;
    try {
      if (name !== "join") await room[name]();
      else if (room) room.join();
      else start(api, kept.get());
    } finally { busy = false; }
  });
  setInterval(tick, 1000);
  tick();
  document.documentElement.classList.add("on");
  $("plain").hidden = true;
  if (kept.get().place || (data.visitor && !said.SETTLED.includes(data.visitor))) start(api, kept.get());
  else later();
  parent_?.ready();
}

// Where a file did not come, the page moves on as it does without script.
begin().catch(() => setTimeout(() => location.reload(), POLL_S * 1000));
