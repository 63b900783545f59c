// @ts-check
/* The OpenAPI document as the page reads it. Total: whatever a document holds or lacks, there is an answer, and no name is looked up in
 * a prototype. Addresses are made below the page's own, whatever the document says of servers. */

/** @typedef {Record<string, any>} Members */
/** @typedef {{ name: string, text: string, required: boolean, post: boolean, get: boolean }} Parameter a header */
/** @typedef {{ name: string, url: string, summary: string, text: string, safe: boolean, confirm: string, tag: string, post: Members | null,
 *   get: Members | null, body: any, sample: any, result: any, reply: any, headers: Parameter[], query: Members[], answers: Array<[string, Members]> }} Operation */

const DEEPEST = 5; // of a made example: below this a reader learns nothing
const HOPS = 32; // of references to references

/** @param {any} value
 * @returns {Members} */
export function object(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}

/** @param {any} value
 * @returns {any[]} */
export function list(value) {
  return Array.isArray(value) ? value : [];
}

/** @param {any} value
 * @returns {string} */
export function text(value) {
  return typeof value === "string" ? value : "";
}

/** @param {any} value
 * @param {string} key
 * @returns {any} */
export function member(value, key) {
  const found = object(value);
  return Object.hasOwn(found, key) ? found[key] : undefined;
}

export class Contract {
  /** @param {any} said the document
   * @param {string} base the address of the backend, with a slash at its end */
  constructor(said, base) {
    this.said = object(said);
    this.base = base;
    const info = object(member(this.said, "info"));
    this.title = text(info.title) || "Operations";
    this.version = text(info.version);
    this.text = text(info.description);
    /** @type {Array<[string, string]>} */
    this.missing = Object.entries(object(member(this.said, "x-not-offered"))).map(([name, why]) => [name, text(why)]);
    this.tags = new Map(list(this.said.tags).map(object).map((tag) => [text(tag.name), text(tag.description)]));
    /** @type {Map<string, Operation>} */
    this.operations = new Map();
    for (const [path, item] of Object.entries(object(this.said.paths))) this.#take(path, object(item));
  }

  /** @param {string} path
   * @param {Members} item */
  #take(path, item) {
    const at = path.lastIndexOf("/json/");
    const name = at < 0 ? "" : decoded(path.slice(at + 6));
    const post = method(item, "post"), get = method(item, "get"), main = post ?? get;
    if (!name || name === "." || name === ".." || !main) return; // a dot would lead out of the folder
    const content = object(this.open(main.requestBody).content), body = object(member(content, "application/json"));
    const answers = Object.entries(object(main.responses)).map(([status, said]) => /** @type {[string, Members]} */ ([status, this.open(said)]));
    const good = object(member(object(object(answers.find(([status]) => status === "200")?.[1]).content), "application/json"));
    const parameters = (/** @type {Members | null} */ of, /** @type {string} */ where) => [...(of ? list(item.parameters) : []), ...list(of?.parameters)]
      .map((each) => this.open(each)).filter((each) => each.in === where && text(each.name));
    this.operations.set(name, {
      name, post, get, answers,
      url: this.base + "json/" + encodeURIComponent(name),
      summary: text(main.summary),
      text: text(main.description),
      safe: main["x-safe"] === true,
      confirm: text(main["x-confirm"]),
      tag: text(list(main.tags)[0]),
      body: member(body, "schema"),
      sample: this.#example(body, true),
      result: member(good, "schema"),
      reply: this.#example(good, false),
      headers: headers(parameters(post, "header"), parameters(get, "header")),
      query: parameters(get, "query").map((each) => ({ ...each, schema: this.open(each.schema), items: this.open(this.open(each.schema).items) })),
    });
  }

  /** @param {Members} media
   * @param {boolean} make where the document has none */
  #example(media, make) {
    if (member(media, "example") !== undefined) return media.example;
    const first = this.open(Object.values(object(member(media, "examples")))[0]);
    if (member(first, "value") !== undefined) return first.value;
    return make && member(media, "schema") !== undefined ? this.sample(media.schema) : undefined;
  }

  /** What a reference points to, through references to references; {} where it leads nowhere or round.
   * @param {any} value
   * @returns {Members} */
  open(value) {
    let at = object(value);
    for (let hops = 0; typeof at.$ref === "string"; hops += 1) {
      if (hops === HOPS || !at.$ref.startsWith("#/")) return {};
      const parts = at.$ref.slice(2).split("/").map((part) => decoded(part).replaceAll("~1", "/").replaceAll("~0", "~"));
      at = object(parts.reduce(member, this.said));
    }
    return at;
  }

  /** An example by a schema that has none: what is required, as short as it may be.
   * @param {any} schema
   * @param {number} depth
   * @returns {any} */
  sample(schema, depth = 0) {
    const at = this.open(schema), given = [at.example, list(at.examples)[0], at.default, at.const, list(at.enum)[0]].find((each) => each !== undefined);
    if (given !== undefined || depth > DEEPEST) return given ?? null;
    const [one] = [...list(at.allOf), ...list(at.oneOf), ...list(at.anyOf)];
    if (one !== undefined && !at.properties) return this.sample(one, depth + 1);
    const type = [at.type].flat().find((each) => each !== "null") ?? (at.properties ? "object" : at.items ? "array" : "string");
    if (type === "object") {
      const needed = list(at.required), rows = Object.entries(object(at.properties)).filter(([name]) => needed.includes(name));
      return Object.fromEntries(rows.map(([name, of]) => [name, this.sample(of, depth + 1)]));
    }
    if (type === "array") return at.prefixItems ? list(at.prefixItems).map((of) => this.sample(of, depth + 1)) : at.minItems > 0 ? [this.sample(at.items, depth + 1)] : [];
    return type === "boolean" ? false : type === "string" ? "" : Math.max(0, Number(at.minimum) || 0);
  }
}

/** The headers of both methods, each once.
 * @param {Members[]} post
 * @param {Members[]} get
 * @returns {Parameter[]} */
function headers(post, get) {
  const all = new Map([...get, ...post].map((each) => [each.name, each])), has = (/** @type {Members[]} */ of, /** @type {string} */ name) => of.some((each) => each.name === name);
  return [...all.values()].map((each) => ({
    name: each.name, text: text(each.description), required: each.required === true, post: has(post, each.name), get: has(get, each.name),
  }));
}

/** @param {Members} item
 * @param {string} name
 * @returns {Members | null} */
function method(item, name) {
  const found = member(item, name);
  return object(found) === found ? found : null;
}

/** @param {string} part
 * @returns {string} */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The operations by their tag, in the document's order, each group's name first; those without one by what they do.
 * @param {Contract} contract
 * @returns {Map<string, Operation[]>} */
export function grouped(contract) {
  const groups = new Map([...contract.tags.keys()].map((tag) => [tag, /** @type {Operation[]} */ ([])]));
  for (const operation of contract.operations.values()) {
    const tag = operation.tag || "Operations";
    groups.set(tag, [...(groups.get(tag) ?? []), operation]);
  }
  return new Map([...groups].filter(([, operations]) => operations.length));
}
