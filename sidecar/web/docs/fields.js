// @ts-check
/* What a call is made of, as fields: the JSON of a POST or the query of a GET, and headers. They know where an error belongs. */

import { list, member, object, text } from "./contract.js";
import { button, having, later, make } from "./draw.js";
import { locate, wrong } from "./json.js";

/** @typedef {import("./contract.js").Operation} Operation */
/** @typedef {{ pointer: string, code: string, text: string }} Wrong */

export const KEY = "Idempotency-Key";
const HEADER = /^[\x20-\x7e]*$/; // of what a browser sends as it is
let made = 0; // names for labels

/** A label with its field, and room for what is wrong with it.
 * @param {string} name
 * @param {any} input
 * @param {string} about
 * @param {...Node} more */
function field(name, input, about, ...more) {
  const id = `field-${(made += 1)}`;
  const hint = having(make("p", "soft", about), { id: `${id}-about` }), error = having(make("p", "wrong"), { id: `${id}-wrong` });
  hint.hidden = !about;
  error.hidden = true;
  having(input, { id, "aria-describedby": `${id}-about ${id}-wrong` });
  const label = having(make("label", "", name), { for: id });
  const node = make("div", "field", label, hint, make("div", "row", input, ...more), error);
  const complain = (/** @type {string} */ words) => {
    error.textContent = words;
    error.hidden = !words;
    having(input, { "aria-invalid": String(Boolean(words)) });
  };
  return { node, input, complain };
}

export class Fields {
  /** @param {Operation} operation */
  constructor(operation) {
    this.operation = operation;
    this.changed = () => {};
    this.byGet = !operation.post;
    this.body = operation.post && (operation.body !== undefined || operation.post.requestBody) ? this.#editor() : null;
    this.errors = make("ul", "errors");
    this.query = operation.query.map((parameter) => ({ parameter, ...queried(parameter, operation.sample) }));
    this.headers = operation.headers.map((parameter) => ({ parameter, ...this.#header(parameter) }));
    const shownByPost = make("div", "", this.body?.node ?? null), shownByGet = make("div", "", ...this.query.map(({ node }) => node));
    const turn = () => {
      shownByPost.hidden = this.byGet;
      shownByGet.hidden = !this.byGet;
      for (const { node, parameter } of this.headers) node.hidden = !(this.byGet ? parameter.get : parameter.post);
    };
    const ways = operation.post && operation.get ? this.#ways(turn) : null;
    const nodes = (/** @type {boolean} */ key) => this.headers.filter(({ parameter }) => isKey(parameter) === key).map(({ node }) => node);
    const more = nodes(false).length ? later("More headers", () => make("div", "", ...nodes(false))) : null;
    this.node = make("div", "fields", ways, shownByPost, shownByGet, this.errors, ...nodes(true), more);
    turn();
  }

  #editor() {
    const area = having(make("textarea", "code"), { spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "soft" });
    const start = this.operation.sample === undefined ? "{}" : JSON.stringify(this.operation.sample, null, 2);
    area.value = start;
    area.rows = Math.min(24, Math.max(5, start.split("\n").length + 1));
    const again = button("Example again", () => { area.value = start; this.complain([]); this.changed(); });
    return field("Body, as JSON", area, "Ctrl+Enter sends it.", again);
  }

  /** @param {import("./contract.js").Parameter} parameter */
  #header(parameter) {
    const input = having(make("input", "code"), { type: "text", autocomplete: "off", spellcheck: "false" });
    if (!isKey(parameter)) return field(parameter.name, input, parameter.text);
    input.value = randomKey();
    const fresh = button("New key", () => { input.value = randomKey(); this.changed(); });
    return field(parameter.name, input, `${parameter.text} ${parameter.required ? "Required." : "Empty: none is sent."}`.trim(), fresh);
  }

  /** @param {() => void} turn */
  #ways(turn) {
    const name = `way-${(made += 1)}`;
    const ways = [["POST, with a body", false], ["GET, with a query", true]].map(([words, byGet]) => {
      const radio = having(make("input"), { type: "radio", name });
      radio.checked = byGet === this.byGet;
      radio.addEventListener("change", () => { this.byGet = Boolean(byGet); turn(); this.changed(); });
      return make("label", "way", radio, ` ${words}`);
    });
    return make("fieldset", "", make("legend", "", "How"), make("div", "row", ...ways));
  }

  /** The call that the fields make now.
   * @returns {import("./trial.js").Call} */
  call() {
    /** @type {Record<string, string>} */
    const headers = {};
    for (const { parameter, input } of this.headers) {
      if (!input.value || !(this.byGet ? parameter.get : parameter.post)) continue;
      headers[isKey(parameter) ? KEY : parameter.name] = isKey(parameter) ? `"${input.value.replace(/["\\]/g, "\\$&")}"` : input.value;
    }
    if (this.byGet) {
      const query = this.query.flatMap(({ parameter, values }) => values().map((/** @type {string} */ value) => `${encodeURIComponent(parameter.name)}=${encodeURIComponent(value)}`));
      return { method: "GET", url: this.operation.url + (query.length ? `?${query.join("&")}` : ""), headers };
    }
    if (!this.body) return { method: "POST", url: this.operation.url, headers };
    return { method: "POST", url: this.operation.url, headers: { ...headers, "Content-Type": "application/json" }, body: this.body.input.value };
  }

  /** Whether what is there can be sent at all; what it means is the sidecar's to judge. The first field that cannot is focused. */
  check() {
    this.complain([]);
    const bad = [];
    const broken = this.byGet || !this.body ? null : wrong(this.body.input.value);
    if (broken !== null) bad.push(/** @type {const} */ ([this.body, `This is no JSON, and was not sent: ${broken}`]));
    for (const header of this.headers) {
      if (header.node.hidden) continue;
      if (!HEADER.test(header.input.value)) bad.push(/** @type {const} */ ([header, "A header holds plain ASCII letters, digits and signs only."]));
    }
    for (const [each, words] of bad) {
      each?.complain(words);
      const folded = each?.input.closest("details");
      if (folded) folded.open = true;
    }
    bad[0]?.[0]?.input.focus();
    return bad.length === 0;
  }

  /** Show what was found wrong, each at its place.
   * @param {Wrong[]} errors */
  complain(errors) {
    for (const each of [...this.query, ...this.headers]) each.complain("");
    this.body?.complain("");
    this.errors.replaceChildren();
    if (!errors.length) return;
    const fields = new Map(this.query.map((each) => [each.parameter.name, each]));
    for (const error of errors) {
      const named = this.byGet ? fields.get((error.pointer.split("/")[1] ?? "").replaceAll("~1", "/").replaceAll("~0", "~")) : undefined;
      if (named) named.complain(error.text);
      else this.errors.append(this.#placed(error));
    }
    if (!this.byGet) this.body?.complain(errors.length === 1 ? "One place is wrong:" : `${errors.length} places are wrong:`);
  }

  /** @param {Wrong} error */
  #placed({ pointer, text: words }) {
    const input = this.body?.input, place = input && !this.byGet ? locate(input.value, pointer) : null;
    const line = place ? ` line ${input.value.slice(0, place[0]).split("\n").length}` : "";
    const jump = button(`${pointer || "the whole"}${line}`, () => {
      const [from, to] = locate(input.value, pointer) ?? [0, 0]; // anew: somebody may have mended the one before it
      input.focus();
      input.setSelectionRange(from, to);
    }, "place");
    jump.disabled = !place;
    return make("li", "", jump, " ", words);
  }

  focus() {
    (this.byGet ? this.query[0]?.input : this.body?.input)?.focus();
  }
}

/** The field of one parameter of a query, and what it gives: as many values as it holds, none where it is empty.
 * @param {Record<string, any>} parameter
 * @param {any} sample */
function queried(parameter, sample) {
  const { schema, items } = parameter, many = [schema.type].flat().includes("array"), of = many ? items : schema;
  const words = of.type === "boolean" ? ["true", "false"] : list(of.enum).map(String);
  const input = words.length && !many
    ? make("select", "", ...["", ...words].map((word) => having(make("option", "", word || "–"), { value: word })))
    : having(make(many ? "textarea" : "input", "code"), many ? { rows: "3" } : { type: "text", autocomplete: "off", spellcheck: "false" });
  const start = parameter.example ?? member(sample, parameter.name);
  input.value = start === undefined || start === null || object(start) === start ? "" : [start].flat().map(String).join("\n");
  const about = [text(parameter.description) || text(schema.description), many ? "One a line." : "", parameter.required ? "Required." : "Empty: left out."];
  const values = () => {
    const said = many ? input.value.split("\n").filter(Boolean) : input.value || (parameter.required && of.type === "string") ? [input.value] : [] /* an empty string may be meant */;
    return many && parameter.explode === false && said.length ? [said.join(",")] : said;
  };
  return { ...field(parameter.name, input, about.filter(Boolean).join(" ")), values };
}

/** @param {import("./contract.js").Parameter} parameter */
function isKey(parameter) {
  return parameter.name.toLowerCase() === KEY.toLowerCase();
}

/** A key that nobody else has. Over plain http to another machine a browser has no randomUUID. */
function randomKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
