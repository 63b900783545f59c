// @ts-check
/* What came of a call: read from headers first, for a body may be missing or be no JSON, and shown with what it means. */

import { list, object, text } from "./contract.js";
import { copying, facts, later, linkTo, listing, make, prose } from "./draw.js";
import { pretty, wrong } from "./json.js";

/** @typedef {{ status: number, phrase: string, state: string, reason: string, category: string, executed: string, title: string, detail: string, message: string,
 *   wait: string, errors: import("./fields.js").Wrong[], headers: Array<[string, string]>, body: string, ms: number }} Outcome */

const LONGEST = 200_000; // signs of a body that are shown; nobody reads more here, and a page is slow with more
const EXECUTED = /** @type {Record<string, string>} */ ({ no: "nothing was done", yes: "it was done", unknown: "it may have been done" });
const FIRST = /^(Sidecar-|X-Request-Id|Retry-After|Age|Cache-|ETag|Server-Timing|Content-Type)/i;

/** @param {Response} reply
 * @param {string} body
 * @param {number} ms
 * @returns {Outcome} */
export function read(reply, body, ms) {
  const broken = wrong(body) !== null, said = broken ? {} : object(JSON.parse(body));
  const [word, ...parameters] = (reply.headers.get("Sidecar-State") ?? "").split(";").map((part) => part.trim());
  const waits = [object(said.retry).after_s, Number(reply.headers.get("Retry-After")) || undefined].filter((each) => typeof each === "number");
  const headers = [...reply.headers].sort(([a], [b]) => Number(FIRST.test(b)) - Number(FIRST.test(a)) || a.localeCompare(b));
  return {
    status: reply.status, phrase: reply.statusText, state: word || text(said.state), ms, body, headers,
    reason: parameters.find((each) => each.startsWith("reason="))?.slice(7).replaceAll('"', "") ?? "",
    category: text(said.category) || (reply.ok ? "ok" : "upstream"), executed: text(said.executed), title: text(said.title), detail: text(said.detail),
    message: text(object(said.message).text), wait: waits.length ? `in ${Math.max(...waits)} s` : "",
    errors: list(said.errors).map(object).map((each) => ({ pointer: text(each.pointer), code: text(each.code), text: text(each.text) || text(each.code) })),
  };
}

/** fetch itself failed. A body may have left, so that nobody knows whether the call was carried out.
 * @param {Error} error
 * @param {boolean} offline before it was sent
 * @param {boolean} safe
 * @param {number} ms
 * @returns {Outcome} */
export function failed(error, offline, safe, ms) {
  const aborted = error.name === "AbortError" || error.name === "TimeoutError";
  const state = aborted ? "aborted" : offline ? "offline" : "unreachable";
  const title = { aborted: "The page gave up waiting", offline: "The browser is offline", unreachable: "The browser could not reach the sidecar" }[state];
  const executed = state === "offline" || safe ? "no" : "unknown";
  return {
    status: 0, phrase: "", state, reason: "", category: "upstream", executed, title, detail: error.message, message: "", wait: "", errors: [], headers: [], body: "", ms,
  };
}

/** Put an outcome into the status line, which is read out, and the rest below it.
 * @param {Outcome} outcome
 * @param {import("./contract.js").Operation} operation
 * @param {string} meaning
 * @param {any} status
 * @param {any} result */
export function show(outcome, operation, meaning, status, result) {
  status.dataset.category = outcome.category;
  const code = outcome.status ? `HTTP ${outcome.status}${outcome.phrase ? ` ${outcome.phrase}` : ""}` : "no answer";
  status.replaceChildren(
    make("b", "state", outcome.state || "no state"), make("span", "", code), make("span", "", took(outcome.ms)),
    ...(Object.hasOwn(EXECUTED, outcome.executed) ? [make("span", `executed is-${outcome.executed}`, EXECUTED[outcome.executed])] : []),
    ...(outcome.errors.length ? [make("span", "", outcome.errors.length === 1 ? "one place is wrong" : `${outcome.errors.length} places are wrong`)] : []),
  );
  const ask = outcome.executed === "unknown" && operation.confirm;
  const words = [
    prose(meaning || outcome.title), prose(outcome.detail), outcome.message ? make("blockquote", "", outcome.message) : null,
    facts([["Reason", outcome.reason], ["Come back", outcome.wait]]),
    ask ? make("p", "", "Before you send it again, find out what became of it: ", linkTo(operation.confirm), ".") : null,
  ];
  const headers = outcome.headers.length ? later(`Headers (${outcome.headers.length})`, () => facts(outcome.headers, "facts is-list") ?? make("p")) : null;
  result.replaceChildren(...[...words, headers, ...bodyOf(outcome)].filter((node) => node !== null));
}

/** @param {Outcome} outcome
 * @returns {Node[]} */
function bodyOf({ body, status, headers }) {
  if (!body) return status ? [make("p", "soft", "Without a body.")] : [];
  const json = headers.some(([name, value]) => name === "content-type" && value.includes("json")) && wrong(body) === null;
  const shown = listing(json && body.length <= LONGEST ? pretty(body) : body.slice(0, LONGEST), "Body of the answer");
  const rest = body.length - LONGEST;
  const title = make("div", "row", make("h4", "", "Body"), copying(shown, "Copy the body"));
  return rest > 0 ? [title, make("p", "soft", `Shown are the first ${LONGEST} of ${body.length} characters.`), shown] : [title, shown];
}

/** @param {number} ms */
function took(ms) {
  return ms < 9950 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
