/* The wire: the one place that knows how this page speaks to the sidecar.
 *
 * call() answers an Outcome whatever happens and never throws; the rest of the page knows operations, arguments and
 * outcomes only. Today it speaks SOAP 1.1 and asks for failures as problem documents; replacing it replaces this file.
 *
 * Outcome: { operation, state, category, executed, reason, data, detail, message, retry: {how, after_s}, links,
 *            queue: {place, place_code, ahead, eta_s, eta_low_s, eta_high_s, eta_reason}, requestId, status, timing, age, ms, raw, at }
 */

const API = "http://boxoffice.example/api/";
const ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/";
const PATIENCE_MS = 30_000;

/* What a header alone does not say, for answers that are no problem document: the category and effect of a state. */
const PLAIN = {
  ok: ["ok", "yes"], partial: ["ok", "yes"], cached: ["ok", "no"], stale: ["ok", "no"],
  business_no: ["final", "no"], sold_out: ["final", "no"],
  fallback: ["ok", "no"], replayed: ["ok", "yes"],
};

let place = null;

/** Say where the sidecar is: { sidecar: origin, tickets: path }. */
export function connect(where) {
  place = where;
}

/**
 * Call an operation of the box office.
 * `spoil` breaks the request on purpose, to show what becomes of it: xml | path | size | action. `key` makes it safe to repeat;
 * `place` is the one in line that the refusal before this call has given, as it came: it counts once, and for this call alone.
 */
export async function call(operation, args = {}, { spoil, key, place: stood } = {}) {
  const began = performance.now();
  const outcome = { operation, state: "offline", category: "upstream", executed: "no", at: new Date(), retry: null, links: {} };
  let reply, text;
  try {
    reply = await fetch(address(spoil), {
      method: "POST",
      headers: {
        "Content-Type": "text/xml; charset=utf-8",
        SOAPAction: `"${API}${spoil === "action" ? "HelloWorld" : operation}"`,
        Accept: "application/problem+json",
        ...(key ? { "Idempotency-Key": `"${key}"` } : {}),
        ...(stood ? { "Sidecar-Place": stood } : {}),
      },
      body: envelope(operation, args, spoil),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    text = await reply.text();
  } catch (error) {
    return { ...outcome, ...unreadable(error, reply), ms: performance.now() - began };
  }
  return { ...outcome, ...read(reply, text, operation), ms: performance.now() - began };
}

function address(spoil) {
  return place.sidecar + (spoil === "path" ? "/nowhere" : place.tickets);
}

function envelope(operation, args, spoil) {
  if (spoil === "xml") return "<Envelope><Body></Envelope>";
  if (spoil === "size") args = { ...args, sNote: "x".repeat(2 * 1024 * 1024) };
  const members = Object.entries(args).map(([name, value]) => `<${name}>${escape(String(value))}</${name}>`).join("");
  return `<s:Envelope xmlns:s="${ENVELOPE}"><s:Body><${operation} xmlns="${API}">${members}</${operation}></s:Body></s:Envelope>`;
}

function escape(text) {
  return text.replace(/[&<>]/g, (mark) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[mark]);
}

/* fetch itself failed: nothing readable came. A body may have left, so the effect is not known. */
function unreadable(error, reply) {
  const state = navigator.onLine === false ? "offline" : error.name === "TimeoutError" ? "aborted" : "unreachable";
  const executed = state === "offline" ? "no" : "unknown";
  return {
    state, executed, status: reply?.status ?? null, detail: String(error.message || error),
    retry: { how: executed === "no" ? "wait" : "confirm", after_s: null },
  };
}

function read(reply, text, operation) {
  const header = (name) => reply.headers.get(name);
  const [state, ...params] = (header("Sidecar-State") ?? "no state").split(";").map((part) => part.trim());
  const common = {
    state,
    reason: params.find((param) => param.startsWith("reason="))?.slice(7) ?? null,
    requestId: header("X-Request-Id"),
    timing: header("Server-Timing"),
    age: header("Age"),
    status: reply.status,
    raw: text,
  };
  const retryAfter = header("Retry-After") ? Number(header("Retry-After")) : null;
  if ((header("Content-Type") ?? "").includes("json")) return { ...common, ...problem(text, retryAfter, header("Sidecar-Place")) };
  const answer = decode(text, operation);
  // a fault of the backend is relayed as it is: only the header's reason says whose fault it was
  const relayed = common.reason === "client" ? ["final", "no"] : ["upstream", "unknown"];
  const [category, executed] = PLAIN[state] ?? (reply.ok && !answer.fault ? ["ok", "yes"] : relayed);
  return {
    ...common, category, executed, data: answer.data, detail: answer.fault,
    retry: retryAfter === null ? null : { how: "wait", after_s: retryAfter },
  };
}

function problem(text, retryAfter, place) {
  let said = {};
  try {
    said = JSON.parse(text);
  } catch {
    return { category: "upstream", executed: "unknown", detail: "The answer was cut off." };
  }
  // the longest of the waits counts
  const poll = typeof said.queue?.next_poll_ms === "number" ? said.queue.next_poll_ms / 1000 : null;
  const waits = [said.retry?.after_s, retryAfter, poll].filter((wait) => wait !== null && wait !== undefined);
  const retry = said.retry || waits.length ? { how: "wait", ...said.retry, after_s: waits.length ? Math.max(...waits) : null } : null;
  return {
    category: said.category, executed: said.executed, data: said.data, detail: said.detail ?? said.title,
    message: said.message?.text, links: said.links ?? {}, retry, queue: said.queue ? { place, ...said.queue } : null,
  };
}

/* A result is a number or text, or tables: { Performance: [{…}], … } of a DataSet. */
function decode(text, operation) {
  const xml = new DOMParser().parseFromString(text, "text/xml");
  const fault = xml.getElementsByTagName("faultstring")[0];
  if (fault) return { fault: fault.textContent };
  const result = xml.getElementsByTagNameNS(API, `${operation}Result`)[0];
  if (!result) return { data: null };
  const gram = xml.getElementsByTagNameNS("urn:schemas-microsoft-com:xml-diffgram-v1", "diffgram")[0];
  if (!gram) return { data: result.children.length ? [...result.children].map(record) : result.textContent };
  const tables = {};
  for (const row of gram.firstElementChild?.children ?? []) (tables[row.localName] ??= []).push(record(row));
  return { data: tables };
}

function record(row) {
  return Object.fromEntries([...row.children].map((cell) => [cell.localName, cell.textContent]));
}
