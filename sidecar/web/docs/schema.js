// @ts-check
/* A schema as a tree that people read. A named type is opened by hand, and made only then: one that holds itself has no end, and needs none. */

import { list, object, text } from "./contract.js";
import { facts, later, make, prose } from "./draw.js";

/** @typedef {import("./contract.js").Contract} Contract */

const HOPS = 16; // of lists of lists, and of types that extend one another
const OPEN = 3; // levels of unnamed types that are shown at once
const SHOWN = 12; // words of an enumeration; the rest is counted
const ROWS = 400; // members of one type; no page is read to there
const BOUNDS = /** @type {Array<[string, string]>} */ ([
  ["minimum", "at least"], ["exclusiveMinimum", "more than"], ["maximum", "at most"], ["exclusiveMaximum", "less than"], ["multipleOf", "in steps of"],
  ["minLength", "characters, at least"], ["maxLength", "characters, at most"], ["pattern", "as in"], ["minItems", "items, at least"],
  ["maxItems", "items, at most"], ["default", "if absent"], ["format", "format"], ["contentEncoding", "encoding"],
]);

/** The tree of a schema; its own name, where it has one, is not a thing to open.
 * @param {any} schema
 * @param {Contract} contract
 * @returns {Node} */
export function tree(schema, contract) {
  if (schema === undefined) return make("p", "soft", "Nothing.");
  const core = unwrapped(schema), at = contract.open(core);
  const kind = make("p", "", make("span", "type", kindOf(schema, contract)));
  return make("div", "tree", kind, prose(text(at.description)), core === schema ? null : limits(object(schema)), limits(at), members(at, contract, 0));
}

/** What a list is of, or what may be null: what people want to look into.
 * @param {any} schema
 * @returns {any} */
function unwrapped(schema) {
  let core = schema;
  for (let hops = 0; hops < HOPS && !nameOf(core); hops += 1) {
    const at = object(core), ways = [...list(at.oneOf), ...list(at.anyOf)].filter((each) => object(each).type !== "null");
    if (object(at.items) === at.items && !at.prefixItems) core = at.items;
    else if (ways.length === 1 && !at.properties) [core] = ways;
    else break;
  }
  return core;
}

/** Members of a type with those that it has from others; allOf is what an extended type is made of.
 * @param {Record<string, any>} at
 * @param {Contract} contract
 * @param {{ properties: Map<string, any>, needed: Set<any>, parts: Record<string, any>[] }} into */
function gathered(at, contract, into = { properties: new Map(), needed: new Set(), parts: [] }) {
  if (into.parts.length === HOPS || into.parts.includes(at)) return into; // it is part of itself
  into.parts.push(at);
  for (const part of list(at.allOf)) gathered(contract.open(part), contract, into);
  for (const [name, schema] of Object.entries(object(at.properties))) into.properties.set(name, schema);
  for (const name of list(at.required)) into.needed.add(name);
  return into;
}

/** What stands inside: members, places of a list, alternatives; null where it is a plain value.
 * @param {Record<string, any>} at
 * @param {Contract} contract
 * @param {number} depth
 * @returns {Node | null} */
function members(at, contract, depth) {
  const { properties, needed, parts } = gathered(at, contract), rows = [], core = unwrapped(at);
  if (core !== at) rows.push(row(at.items ? "each" : "is", core, contract, false, depth)); // a list that has a name
  for (const [name, schema] of [...properties].slice(0, ROWS)) rows.push(row(name, schema, contract, needed.has(name), depth));
  if (properties.size > ROWS) rows.push(make("li", "soft", `and ${properties.size - ROWS} more members`));
  for (const part of parts) {
    list(part.prefixItems).forEach((schema, i) => rows.push(row(`[${i}]`, schema, contract, true, depth)));
    const other = part.additionalProperties, ways = [...list(part.oneOf), ...list(part.anyOf)].filter((each) => object(each).type !== "null");
    if (object(other) === other) rows.push(row("any name", other, contract, false, depth));
    if (ways.length > 1 && ways.some((each) => opens(each, contract))) rows.push(...ways.map((each) => row("either", each, contract, false, depth)));
  }
  return rows.length ? make("ul", "", ...rows) : null;
}

/** One member. A type without a name is shown at once down to some depth, whatever else is to be opened when it is asked for.
 * @param {string} name
 * @param {any} schema
 * @param {Contract} contract
 * @param {boolean} needed
 * @param {number} depth
 * @returns {Node} */
function row(name, schema, contract, needed, depth) {
  const own = object(schema), core = unwrapped(schema), at = contract.open(core), named = nameOf(core);
  const head = make("div", "member", make("code", "name", name), make("span", "type", kindOf(schema, contract)), needed ? make("span", "needed", "required") : null);
  const parts = [head, prose(text(own.description)), own.$ref ? null : limits(own)];
  const more = () => [own === at ? null : prose(text(at.description)), own === at ? null : limits(at)];
  if (!opens(core, contract)) return make("li", "", ...parts, ...more());
  const inside = () => members(at, contract, named ? 0 : depth + 1) ?? make("p", "soft", "Nothing inside.");
  if (!named && depth < OPEN) return make("li", "", ...parts, ...more(), inside());
  return make("li", "", ...parts, later(named || "its members", () => make("div", "", ...more(), inside())));
}

/** Whether there is something inside.
 * @param {any} schema
 * @param {Contract} contract
 * @returns {boolean} */
function opens(schema, contract) {
  const at = contract.open(unwrapped(schema)), { properties, parts } = gathered(at, contract);
  return unwrapped(at) !== at || properties.size > 0 || parts.some((part) => list(part.prefixItems).length > 0 || Object.keys(object(part.additionalProperties)).length > 0
    || [...list(part.oneOf), ...list(part.anyOf)].some((each) => nameOf(each) || object(each).properties));
}

/** @param {any} schema
 * @returns {string} */
export function nameOf(schema) {
  const ref = text(object(schema).$ref);
  return ref ? ref.slice(ref.lastIndexOf("/") + 1).replaceAll("~1", "/").replaceAll("~0", "~") : "";
}

/** What it is, in a few words: "list of Seat", "string or null".
 * @param {any} schema
 * @param {Contract} contract
 * @param {number} depth
 * @returns {string} */
export function kindOf(schema, contract, depth = 0) {
  if (schema === false) return "nothing";
  const at = object(schema), name = nameOf(schema);
  if (name) return name;
  if (depth > OPEN) return "…";
  const below = (/** @type {any} */ each) => kindOf(each, contract, depth + 1);
  const ways = [...list(at.oneOf), ...list(at.anyOf)];
  if (ways.length && !at.properties) return joined(ways.map(below));
  if (at.const !== undefined) return JSON.stringify(at.const);
  if (at.type === undefined && list(at.allOf).length) return list(at.allOf).map(below).join(" and ");
  const types = at.type === undefined ? [at.properties ? "object" : at.items || at.prefixItems ? "array" : at.enum ? "one of" : "anything"] : [at.type].flat().map(String);
  return joined(types.map((type) => (type === "array" ? (at.items && at.items !== true ? `list of ${below(at.items)}` : "list") : type)));
}

/** @param {string[]} words
 * @returns {string} */
function joined(words) {
  return [...new Set(words)].slice(0, SHOWN).join(" or ") + (new Set(words).size > SHOWN ? " or …" : "");
}

/** What a value must keep to.
 * @param {Record<string, any>} at
 * @returns {Node | null} */
function limits(at) {
  const words = list(at.enum), rest = words.length - SHOWN;
  const values = words.slice(0, SHOWN).flatMap((word) => [make("code", "", JSON.stringify(word)), " "]);
  const enumerated = words.length ? make("span", "", ...values, rest > 0 ? `and ${rest} more` : null) : null;
  const rows = BOUNDS.filter(([key]) => at[key] !== undefined && at[key] !== null)
    .map(([key, term]) => /** @type {[string, Node]} */ ([term, make("code", "", typeof at[key] === "string" ? at[key] : JSON.stringify(at[key]))]));
  const example = at.example ?? list(at.examples)[0];
  const shown = example === undefined || object(example) === example ? null : make("code", "", JSON.stringify(example));
  return facts([["one of", enumerated], ...rows, ["example", shown]], "limits");
}

/** The part of an answer's schema that is the operation's own result, undefined where the answer has none.
 * @param {any} schema
 * @param {Contract} contract
 * @returns {any} */
export function resultOf(schema, contract) {
  return gathered(contract.open(schema), contract).properties.get("data");
}
