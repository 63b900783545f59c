// @ts-check
/* A form that sends one operation. Nothing is sent twice by itself, and what is not safe only after somebody has said so. */

import { Fields } from "./fields.js";
import { $, button, copying, having, make } from "./draw.js";
import { flat, quoted, wrong } from "./json.js";
import { failed, read, show } from "./answer.js";

/** @typedef {import("./contract.js").Operation} Operation */
/** @typedef {{ method: string, url: string, headers: Record<string, string>, body?: string }} Call */

const PATIENCE_MS = 120_000; // longer than a line is: a page of a shop gives up earlier

/** The form of an operation. `meaning` says what its document says of a state.
 * @param {Operation} operation
 * @param {(status: number, state: string) => string} meaning
 * @returns {{ node: any, enter: () => void }} */
export function trial(operation, meaning) {
  const fields = new Fields(operation);
  const status = having(make("p", "verdict"), { role: "status", "aria-live": "polite" });
  const result = make("div", "result");
  const line = having(make("code", ""), { tabindex: "0", role: "region", "aria-label": "The command" });
  const send = having(make("button", "primary", operation.safe ? "Send" : "Send…"), { type: "submit" });
  const stop = button("Stop waiting", () => running?.abort());
  const form = having(make("form", "", fields.node, make("div", "row", send, stop)), { novalidate: "" });
  const node = make(
    "section", "try", make("h3", "", "Try it"), form, make("h4", "", "As a command"), make("div", "command", line, copying(line, "Copy the command")),
    make("h4", "", "What came of it"), status, result,
  );
  /** @type {AbortController | null} */
  let running = null;

  function refresh() {
    const call = fields.call();
    if (line.textContent !== curl(call)) line.textContent = curl(call);
    stop.hidden = running === null;
    having(send, { "aria-disabled": String(running !== null) }); // one that is disabled would lose the focus
  }

  async function submit() {
    if (running || !fields.check()) return;
    const call = fields.call();
    if (!operation.safe && !(await confirmed(operation, call))) return void status.replaceChildren("Not sent.");
    running = new AbortController();
    refresh();
    result.replaceChildren();
    fields.complain([]);
    status.replaceChildren("Sent, waiting for the answer.");
    status.dataset.category = "wait";
    const outcome = await sent(call, operation, running);
    running = null;
    refresh();
    fields.complain(outcome.errors);
    show(outcome, operation, meaning(outcome.status, outcome.state), status, result);
    status.scrollIntoView({ block: "nearest" });
  }

  form.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    submit();
  });
  form.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("input", refresh);
  form.addEventListener("change", refresh);
  fields.changed = refresh;
  status.textContent = "Nothing sent yet.";
  refresh();
  return { node, enter: () => { node.scrollIntoView(); fields.focus(); } };
}

/** @param {Call} call
 * @param {Operation} operation
 * @param {AbortController} running */
async function sent(call, operation, running) {
  const { url, ...options } = call, began = performance.now(), offline = navigator.onLine === false;
  const patience = setTimeout(() => running.abort(new DOMException(`nothing came for ${PATIENCE_MS / 1000} s`, "TimeoutError")), PATIENCE_MS);
  try {
    const reply = await fetch(url, { ...options, cache: "no-store", signal: running.signal });
    return read(reply, await reply.text(), performance.now() - began);
  } catch (error) {
    return failed(/** @type {Error} */ (error), offline, operation.safe, performance.now() - began);
  } finally {
    clearTimeout(patience);
  }
}

/** Ask whether to send; whoever closes the question in any other way has not said yes.
 * @param {Operation} operation
 * @param {Call} call
 * @returns {Promise<boolean>} */
function confirmed(operation, call) {
  const dialog = $("sure"), keyed = "Idempotency-Key" in call.headers;
  const twice = keyed ? " Sent again with the same Idempotency-Key, it is not done twice." : " It carries no Idempotency-Key: sent twice, it is done twice.";
  $("sure-what").textContent = `${operation.name} is not marked safe. What it does, it does for real: nobody can take it back for you.${twice}`;
  $("sure-call").textContent = `${call.method} ${new URL(call.url).pathname}${call.body === undefined ? "" : `\n\n${call.body}`}`;
  return new Promise((said) => {
    let yes = false;
    $("sure-yes").onclick = () => { yes = true; dialog.close(); };
    $("sure-no").onclick = () => dialog.close();
    dialog.onclose = () => said(yes);
    dialog.showModal();
  });
}

/** The call as a command line.
 * @param {Call} call */
export function curl({ method, url, headers, body }) {
  const words = ["curl", "-i", quoted(url), ...Object.entries(headers).flatMap(([name, value]) => ["-H", quoted(`${name}: ${value}`)])];
  if (body !== undefined) words.push("--data-raw", quoted(wrong(body) === null ? flat(body) : body));
  else if (method !== "GET") words.push("-X", method);
  return words.join(" ");
}
