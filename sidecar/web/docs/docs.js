// @ts-check
/* The page of a backend's operations: reads the OpenAPI document beside it, lists, finds, and shows the one that the address names. */

import { Contract, grouped, object, text } from "./contract.js";
import { $, button, facts, having, linkTo, make, mark, prose } from "./draw.js";
import { article, overview, unknown } from "./operation.js";

const PATIENCE_MS = 60_000; // a contract that nobody has asked for before is read first
const NARROW = matchMedia("(max-width: 859px)"); // as in docs.css
const base = new URL(location.pathname.replace(/docs\/?$/, ""), location.origin).href; // the backend's own folder
const main = $("main"), filter = $("filter");

/** @type {Map<string, any>} articles that were looked at, with what was written into them */
const kept = new Map();
/** @type {Array<{ name: string, found: string, item: any, link: any, group: any }>} */
let rows = [];
/** @type {Contract | null} */
let contract = null;

async function load() {
  main.replaceChildren(make("p", "soft", "Reading openapi.json."));
  const trouble = await fetched();
  if (!contract) return void main.replaceChildren(trouble ?? "");
  $("title").textContent = contract.title;
  $("facts").textContent = [contract.version, new URL(base).pathname.slice(0, -1)].filter(Boolean).join(" · ");
  lay(contract);
  sift();
  turn(false);
}

/** Read the document; the page to show where there is none. */
async function fetched() {
  /** @type {Record<string, any>} */
  let said = {};
  let state = "unreachable", title = "openapi.json could not be read";
  try {
    const reply = await fetch(new URL("openapi.json", base), { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });
    said = object(await reply.json().catch((error) => { if (error.name !== "SyntaxError") throw error; }));
    if (reply.ok && object(said.paths) === said.paths) {
      contract = new Contract(said, base);
      return null;
    }
    state = (reply.headers.get("Sidecar-State") ?? "").split(";")[0] || text(said.state) || `HTTP ${reply.status}`;
    title = text(said.title) || (reply.ok ? "openapi.json is not what this page can read" : title);
  } catch (error) {
    state = /** @type {Error} */ (error).name === "TimeoutError" ? "aborted" : navigator.onLine === false ? "offline" : "unreachable";
    said = { detail: /** @type {Error} */ (error).message };
  }
  const wait = object(said.retry).after_s;
  return having(make(
    "article", "", having(make("h2", "", title), { tabindex: "-1" }), make("p", "", make("b", "state", state)), prose(text(said.detail)),
    facts([["Come back", typeof wait === "number" ? `in ${wait} s` : ""]]), make("div", "row", button("Read it again", load)),
  ), { role: "alert" });
}

/** The list, once: filtering hides rows and makes none.
 * @param {Contract} from */
function lay(from) {
  rows = [];
  const groups = [...grouped(from)].map(([tag, operations], i) => {
    const group = having(make("section", "", having(make("h2", "", tag), { id: `tag-${i}` })), { "aria-labelledby": `tag-${i}` });
    const about = prose(from.tags.get(tag) ?? "");
    if (about) group.append(about);
    const items = operations.map(({ name, safe, summary, text: said }) => {
      const link = linkTo(name, make("span", "name", name), mark(safe));
      const item = make("li", "", link);
      rows.push({ name, found: `${name}\n${tag}\n${summary}\n${said}`.toLowerCase(), item, link, group });
      return item;
    });
    group.append(make("ul", "plain", ...items));
    return group;
  });
  $("list").replaceChildren(...groups);
}

function sift() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean), groups = new Set();
  let left = 0;
  for (const { found, item, group } of rows) {
    item.hidden = !words.every((/** @type {string} */ word) => found.includes(word));
    left += Number(!item.hidden);
    if (!item.hidden) groups.add(group);
  }
  for (const group of $("list").children) group.hidden = !groups.has(group);
  $("count").textContent = words.length ? `${left} of ${rows.length}` : `${rows.length} operations`;
}

/** Show what the address names.
 * @param {boolean} moved by somebody, who then wants to be there */
function turn(moved) {
  if (!contract) return;
  const name = hash(), operation = contract.operations.get(name);
  if (operation && !kept.has(name)) kept.set(name, article(operation, contract));
  const shown = name === "" ? overview(contract) : kept.get(name) ?? unknown(name, contract);
  main.replaceChildren(shown);
  document.title = [operation ? name : "Operations", contract.title].join(" · ");
  unfold(name === "");
  for (const row of rows) {
    if (row.name === name) row.link.setAttribute("aria-current", "page");
    else row.link.removeAttribute("aria-current");
  }
  if (moved) {
    scrollTo(0, 0);
    enter();
    if (NARROW.matches) main.scrollIntoView();
  } else rows.find((row) => row.name === name)?.link.scrollIntoView({ block: "nearest" });
}

/* Where the list stands above the operation, it is folded while one is read. */
function unfold(/** @type {boolean} */ open) {
  $("all").setAttribute("aria-expanded", String(open));
  $("list").classList.toggle("is-folded", !open);
}

function hash() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

function enter() {
  (main.querySelector("h2") ?? main).focus({ preventScroll: true });
}

/** Arrows go through the list, from the field that filters it and back. */
function walk(/** @type {KeyboardEvent} */ event) {
  const links = rows.filter(({ item }) => !item.hidden).map(({ link }) => link);
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0, at = links.indexOf(document.activeElement);
  if (event.key === "Enter" && document.activeElement === filter && links.length) links[0].click();
  else if (event.key === "Escape" && at >= 0) filter.focus();
  else if (step) (links[at + step] ?? (at + step < 0 ? filter : links[at]))?.focus();
  else return;
  event.preventDefault();
}

filter.addEventListener("input", () => { sift(); unfold(true); });
$("all").addEventListener("click", () => unfold($("list").classList.contains("is-folded")));
filter.closest("nav").addEventListener("keydown", walk);
$("skip").addEventListener("click", () => { enter(); main.scrollIntoView(); });
addEventListener("hashchange", () => turn(true));
load();
