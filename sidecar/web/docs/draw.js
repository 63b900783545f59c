// @ts-check
/* Nodes. What comes from a backend reaches the page as text and in no other way: nothing here parses markup. */

/** The element of the page that has this id; the page's own HTML has them all.
 * @param {string} id
 * @returns {any} */
export const $ = (id) => document.getElementById(id);

/** Make an element with a class and children, texts among them; null is no child.
 * @param {string} tag
 * @param {string} [name]
 * @param {...(Node | string | null)} children
 * @returns {any} */
export function make(tag, name = "", ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** Set attributes, and return the element.
 * @param {any} node
 * @param {Record<string, string>} attributes */
export function having(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** A button that does something.
 * @param {string} text
 * @param {(button: any) => void} act
 * @param {string} [name] */
export function button(text, act, name = "") {
  const node = having(make("button", name, text), { type: "button" });
  node.addEventListener("click", () => act(node));
  return node;
}

/** What people wrote: lines stay, those that begin with a dash are a list, words between backticks are code. None where there is nothing.
 * @param {string} text */
export function prose(text) {
  if (!text.trim()) return null;
  const node = make("div", "prose");
  /** @type {any} */
  let open = null;
  for (const line of text.trim().split("\n")) {
    const item = /^\s*[-*]\s+(.*)$/.exec(line), tag = item ? "UL" : "P";
    if (open?.tagName !== tag) node.append(open = make(tag));
    else if (!item) open.append("\n");
    if (item) open.append(make("li", "", ...words(item[1])));
    else open.append(...words(line));
  }
  return node;
}

/** @param {string} line
 * @returns {Array<Node | string>} */
function words(line) {
  const parts = line.split("`");
  return parts.length % 2 ? parts.map((part, i) => (i % 2 ? make("code", "", part) : part)) : [line]; // a lone backtick is one
}

/** A part that is made when it is opened for the first time.
 * @param {Node | string} title
 * @param {() => Node} fill
 * @param {string} [name] */
export function later(title, fill, name = "") {
  const node = make("details", name, make("summary", "", title));
  node.addEventListener("toggle", () => { if (node.open && node.children.length === 1) node.append(fill()); });
  return node;
}

/** Code that may scroll: then a keyboard must reach it.
 * @param {string} text
 * @param {string} label */
export function listing(text, label) {
  return having(make("pre", "", text), { tabindex: "0", role: "region", "aria-label": label });
}

/** Rows of [term, value], without those whose value is empty.
 * @param {Array<[string, Node | string | null]>} rows
 * @param {string} [name] */
export function facts(rows, name = "facts") {
  const said = rows.filter(([, value]) => value);
  return said.length ? make("dl", name, ...said.map(([term, value]) => make("div", "", make("dt", "", term), make("dd", "", value)))) : null;
}

/** Whether an operation changes something: a shape and a word, never a colour alone.
 * @param {boolean} safe */
export function mark(safe) {
  return make("span", safe ? "mark is-safe" : "mark is-grave", safe ? "safe" : "changes something");
}

/** A link to an operation of this page.
 * @param {string} name
 * @param {...Node} children its name, where there are none */
export function linkTo(name, ...children) {
  return having(make("a", "", ...(children.length ? children : [name])), { href: `#${encodeURIComponent(name)}` });
}

/** A button that copies what `of` shows now; where there is no clipboard (plain http) it selects it.
 * @param {Node} of
 * @param {string} label */
export function copying(of, label) {
  const node = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(of.textContent ?? "");
      node.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(of);
      node.textContent = "Selected";
    }
    setTimeout(() => { node.textContent = "Copy"; }, 2000);
  });
  return having(node, { "aria-label": label });
}
