// @ts-check
/* One operation as people read it: what it is, what it takes, what it gives back, and what else may become of a call. */

import { list, member, object, text } from "./contract.js";
import { button, facts, having, later, linkTo, listing, make, mark, prose } from "./draw.js";
import { resultOf, tree } from "./schema.js";
import { trial } from "./trial.js";

/** @typedef {import("./contract.js").Contract} Contract */
/** @typedef {import("./contract.js").Operation} Operation */

/** The article of an operation. Its heading can be focused.
 * @param {Operation} operation
 * @param {Contract} contract
 * @returns {any} */
export function article(operation, contract) {
  const attempt = trial(operation, (status, state) => meaning(operation, status, state));
  const heading = having(make("h2", "", operation.name), { tabindex: "-1" });
  const path = new URL(operation.url).pathname;
  const ways = [["POST", operation.post], ["GET", operation.get]].filter(([, has]) => has);
  const addresses = ways.map(([word]) => make("p", "address", make("b", "", String(word)), " ", make("code", "", path)));
  const head = make(
    "header", "", make("div", "row", heading, mark(operation.safe)), ...addresses,
    operation.summary === operation.name || operation.text.startsWith(operation.summary) ? null : prose(operation.summary), prose(operation.text),
    operation.confirm ? make("p", "", "If it is not known whether it was done, ask ", linkTo(operation.confirm), ".") : null,
    operation.safe ? null : make("p", "soft", "It is not marked safe: a call may book, pay, write or delete."),
    make("div", "row", button("Try it", attempt.enter)),
  );
  return make("article", "", head, takes(operation, contract), attempt.node, gives(operation, contract), answers(operation, contract));
}

/** @param {Operation} operation
 * @param {Contract} contract */
function takes(operation, contract) {
  const headers = operation.headers.map((each) => /** @type {[string, Node]} */ ([
    each.name, make("span", "", each.text, each.required ? make("span", "needed", " required") : null),
  ]));
  return make(
    "section", "takes", make("h3", "", "Takes"), tree(operation.body, contract), example("Example of a request", operation.sample),
    headers.length ? later("Headers that it takes", () => facts(headers, "facts is-list") ?? make("p")) : null,
  );
}

/** @param {Operation} operation
 * @param {Contract} contract */
function gives(operation, contract) {
  const result = resultOf(operation.result, contract);
  return make(
    "section", "gives", make("h3", "", "Gives back"),
    result === undefined ? null : make("p", "soft", "As the member ", make("code", "", "data"), " of the answer."),
    tree(result ?? operation.result, contract), example("Example of a reply", operation.reply),
    result === undefined ? null : later("The whole answer", () => tree(operation.result, contract)),
  );
}

/** @param {string} title
 * @param {any} value */
function example(title, value) {
  return value === undefined ? null : later(title, () => listing(JSON.stringify(value, null, 2), title));
}

/** @param {Operation} operation
 * @param {Contract} contract */
function answers(operation, contract) {
  const rows = operation.answers.map(([status, said]) => {
    const states = statesOf(said).map(([state, words]) => make("li", "", make("code", "", state), words ? ` ${words}` : null));
    return make("div", "answer", make("dt", "", make("code", "", status)), make("dd", "", prose(text(said.description)), states.length ? make("ul", "", ...states) : null));
  });
  const headers = new Map(operation.answers.flatMap(([, said]) => Object.entries(object(said.headers))));
  const about = () => facts([...headers].map(([name, of]) => [name, text(contract.open(of).description) || "–"]), "facts is-list") ?? make("p");
  return make(
    "section", "answers", make("h3", "", "What may become of a call"), rows.length ? make("dl", "", ...rows) : make("p", "soft", "The document does not say."),
    headers.size ? later("Headers of the answers", about) : null,
  );
}

/** States by name with what they mean, where the document lists them apart from the description.
 * @param {Record<string, any>} response
 * @returns {Array<[string, string]>} */
function statesOf(response) {
  const said = response["x-states"];
  if (Array.isArray(said)) return said.map((each) => (object(each) === each ? [text(each.state) || text(each.name), text(each.title) || text(each.text)] : [text(each), ""]));
  return Object.entries(object(said)).map(([state, words]) => [state, text(words)]);
}

/** What the document says of a state that a call has met; "" where it says nothing of it.
 * @param {Operation} operation
 * @param {number} status
 * @param {string} state
 * @returns {string} */
function meaning(operation, status, state) {
  const response = object(operation.answers.find(([code]) => code === String(status))?.[1]);
  const listed = statesOf(response).find(([name]) => name === state)?.[1];
  if (listed) return listed;
  const lines = text(response.description).split("\n").map((line) => line.replace(/^\s*[-*]\s+/, "").trim());
  return lines.find((line) => line.startsWith(`\`${state}\``))?.replace(/^`[^`]*`:?\s*/, "") ?? "";
}

/** The way out for somebody who asks for an operation that is not offered here.
 * @param {string} name
 * @param {Contract} contract */
export function unknown(name, contract) {
  const why = member(Object.fromEntries(contract.missing), name);
  return make(
    "article", "", having(make("h2", "", why === undefined ? "No such operation" : "Not offered"), { tabindex: "-1" }),
    make("p", "", make("code", "", name), why === undefined ? " is not among the operations of this backend. Find one in the list." : ` is not offered: ${why}`),
  );
}

/** What there is to say before an operation is chosen.
 * @param {Contract} contract */
export function overview(contract) {
  const operations = [...contract.operations.values()], safe = operations.filter((each) => each.safe).length;
  const rest = contract.missing.map(([name, why]) => make("li", "", make("code", "", name), why ? `: ${why}` : ""));
  return make(
    "article", "", having(make("h2", "", contract.title), { tabindex: "-1" }), prose(contract.text),
    make("p", "", "Choose an operation to read what it takes and gives back, and to try it."),
    make("ul", "plain", make("li", "", mark(true), `: ${safe} of ${operations.length}`), make("li", "", mark(false), `: ${operations.length - safe}, sent from here only after a question`)),
    make("p", "", "All of it for a program: ", having(make("a", "", "openapi.json"), { href: new URL("openapi.json", contract.base).href })),
    rest.length ? make("section", "", make("h3", "", "Not offered"), later(`${rest.length} that cannot be called here, and why`, () => make("ul", "plain", ...list(rest)))) : null,
  );
}
