// @ts-check
/* JSON as text: laid out, put on one line, searched by pointer, without one sign of it changed. A number of twenty digits would not
 * survive JSON.parse. All of it takes text that JSON.parse has found to be JSON. */

const TOKEN = /"(?:[^"\\]+|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

const DEEPEST = 32; // levels that are still indented: each line of a thousand would be two thousand blanks long

/** Whether this is JSON, and what is wrong where it is none.
 * @param {string} text
 * @returns {string | null} */
export function wrong(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
}

/** On one line.
 * @param {string} text */
export function flat(text) {
  return (text.match(TOKEN) ?? []).join("");
}

/** Indented by two.
 * @param {string} text */
export function pretty(text) {
  const tokens = text.match(TOKEN) ?? [];
  /** @type {string[]} */
  const out = [];
  let depth = 0;
  const line = () => `\n${"  ".repeat(Math.min(depth, DEEPEST))}`;
  tokens.forEach((token, i) => {
    const next = tokens[i + 1];
    if (token === "{" || token === "[") {
      out.push(token);
      if (next === "}" || next === "]") return;
      depth += 1;
      out.push(line());
    } else if (token === "}" || token === "]") {
      if (tokens[i - 1] !== "{" && tokens[i - 1] !== "[") {
        depth -= 1;
        out.push(line());
      }
      out.push(token);
    } else if (token === ",") out.push(token, line());
    else out.push(token === ":" ? ": " : token);
  });
  return out.join("");
}

/** Where the value of a JSON pointer (RFC 6901) stands: [from, to]. Of one that is not there, its nearest parent.
 * @param {string} text
 * @param {string} pointer
 * @returns {[number, number] | null} */
export function locate(text, pointer) {
  const wanted = pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const tokens = [...text.matchAll(TOKEN)];
  let i = 0;
  /** @type {[number, number] | null} */
  let found = null, deepest = -1;

  /** @param {number} depth how many parts of the pointer led here; -1 where it leads elsewhere */
  function value(depth) {
    const from = tokens[i].index, opening = tokens[i][0];
    i += 1;
    if (opening === "{" || opening === "[") inside(opening === "{", depth);
    const last = tokens[i - 1];
    if (depth > deepest) {
      deepest = depth;
      found = [from, last.index + last[0].length];
    }
  }

  /** @param {boolean} named
   * @param {number} depth */
  function inside(named, depth) {
    for (let n = 0; i < tokens.length && tokens[i][0] !== "}" && tokens[i][0] !== "]"; n += 1) {
      const key = named ? JSON.parse(tokens[i][0]) : String(n);
      if (named) i += 2; // the name and its colon
      value(depth >= 0 && depth < wanted.length && wanted[depth] === key ? depth + 1 : -1);
      if (tokens[i]?.[0] === ",") i += 1;
    }
    i += 1;
  }

  if (wrong(text) !== null) return null;
  try {
    value(0);
  } catch { /* nested deeper than the stack: what was found on the way will do */ }
  return found;
}

/** A word as a shell takes it; what is copied here is run there.
 * @param {string} word */
export function quoted(word) {
  const plain = word.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, "");
  return /^[\w./:@%+=-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", "'\\''")}'`;
}
