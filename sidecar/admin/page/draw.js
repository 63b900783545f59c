/* Nodes: made, changed only where something changed, kept by key. Data reaches the page as text and in no other way. */

export const $ = (id) => document.getElementById(id);

export function make(tag, name = "", ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...children);
  return node;
}

/** Make an element that repeats for the eye what a text says. */
export function unsaid(...parts) {
  const node = make(...parts);
  mark(node, "aria-hidden", "true");
  return node;
}

export function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

/** Let a bar be so many hundredths of its frame: through CSSOM, which the policy allows. */
export function fill(bar, part, whole) {
  const width = `${whole > 0 ? Math.min(100, Math.max(0, (100 * part) / whole)).toFixed(2) : 0}%`;
  if (bar.style.width !== width) bar.style.width = width;
}

const kept = new WeakMap();

/**
 * Let the children of `parent` be one per item. `create(item)` gives { node, update?(item, index), gone?() }; a node stays
 * as long as its key does, and with it focus and open details.
 */
export function keyed(parent, items, keyOf, create) {
  const before = kept.get(parent) ?? new Map(), after = new Map();
  items.forEach((item, index) => {
    let key = keyOf(item);
    while (after.has(key)) key += "\u0000"; // two of a name are two
    const row = before.get(key) ?? create(item);
    before.delete(key);
    after.set(key, row);
    row.update?.(item, index);
  });
  for (const row of before.values()) {
    row.gone?.();
    row.node.remove();
  }
  let at = parent.firstElementChild;
  for (const { node } of after.values()) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  kept.set(parent, after);
}

export function texts(parent, items, create) {
  keyed(parent, items, String, (item) => ({ node: create(item) }));
}

/** A text and, where there is a whole, a bar of the part of it. */
export function bar(node) {
  const value = make("span"), part = make("i");
  node.append(value, unsaid("span", "bar", part));
  return (text, n, whole) => {
    set(value, text);
    show(part.parentNode, whole > 0);
    fill(part, n, whole);
  };
}

/** Keep a definition list: rows of [term, text, …of a bar]. */
export function define(list, rows) {
  keyed(list, rows, ([term]) => term, ([term]) => {
    const value = make("dd"), put = bar(value);
    return { node: make("div", "", make("dt", "", term), value), update: ([, ...said]) => put(...said) };
  });
}

/**
 * A table with caption, head and scopes. `columns`: [[title, class, update(cell, row)], …]; the first one heads its row.
 * Roles are written out: a narrow screen shows rows as blocks, which lose them.
 */
export class Table {
  constructor(parent, columns) {
    this.columns = columns;
    this.body = as("rowgroup", make("tbody"));
    this.caption = make("caption");
    const head = make("tr", "", ...columns.map(([title, name]) => as("columnheader", make("th", name, title), "col")));
    this.node = as("table", make("table", "", this.caption, as("rowgroup", make("thead", "", as("row", head))), this.body));
    this.none = make("p", "none");
    parent.append(this.node, this.none);
  }

  fill(rows, keyOf, caption, none) {
    set(this.caption, caption);
    set(this.none, none);
    show(this.node, rows.length > 0);
    show(this.none, rows.length === 0);
    keyed(this.body, rows, keyOf, () => {
      const cells = this.columns.map(([title, name], i) => {
        const cell = i ? as("cell", make("td", name)) : as("rowheader", make("th"), "row");
        if (i) cell.dataset.title = title;
        return cell;
      });
      return { node: as("row", make("tr", "", ...cells)), update: (row) => this.columns.forEach(([, , update], i) => update(cells[i], row)) };
    });
  }
}

function as(role, node, scope) {
  mark(node, "role", role);
  if (scope) node.scope = scope;
  return node;
}

/** Put a word and what it means into a cell. */
export function worded(cell, word, meaning) {
  if (!cell.firstChild) cell.append(make("code", "word"), make("span", "since"));
  set(cell.firstChild, word);
  set(cell.lastChild, meaning ?? "");
}

/** A command to be copied. */
export function command(text) {
  const code = make("code", "", text), button = make("button", "copy", "Copy");
  mark(button, "aria-label", `Copy: ${text}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      set(button, "Copied");
    } catch { // no clipboard over plain http: what is selected can be copied
      getSelection().selectAllChildren(code);
      set(button, "Selected");
    }
    setTimeout(set, 2000, button, "Copy");
  });
  return make("span", "command", code, button);
}
