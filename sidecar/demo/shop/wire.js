/* The wire: the one place that knows how this page speaks to the sidecar.
 *
 * call() answers an Outcome whatever happens and never throws; the rest of the page knows operations, arguments and
 * outcomes only. It speaks JSON: the backend's SOAP is the sidecar's business, and what every member means stands at /tickets/docs.
 *
 * Outcome: { operation, state, category, executed, reason, data, detail, message, errors, retry: {how, after_s}, links,
 *            queue: {place, place_code, ahead, eta_s, eta_low_s, eta_high_s, eta_reason}, requestId, status, timing, age, ms, raw, at }
 */

const PATIENCE_MS = 30_000;

let place = null;

/** Say where the sidecar is: { sidecar: origin, tickets: path }. */
export function connect(where) {
  place = where;
}

/**
 * Call an operation of the box office.
 * `spoil` breaks the request on purpose, to show what becomes of it: json | path | size. `key` makes it safe to repeat;
 * `place` is the one in line that the refusal before this call has given, as it came: it counts once, and for this call alone. `pass` is
 * that of a waiting room.
 */
export async function call(operation, args = {}, { spoil, key, place: stood, pass } = {}) {
  const began = performance.now();
  const outcome = { operation, state: "offline", category: "upstream", executed: "no", at: new Date(), retry: null, links: {} };
  let reply, text;
  try {
    reply = await fetch(address(operation, spoil), {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(key ? { "Idempotency-Key": `"${key}"` } : {}),
        ...(stood ? { "Sidecar-Place": stood } : {}),
        ...(pass ? { "Sidecar-Pass": pass } : {}),
      },
      body: body(args, spoil),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    text = await reply.text();
  } catch (error) {
    return { ...outcome, ...unreadable(error, reply), ms: performance.now() - began };
  }
  return { ...outcome, ...read(reply, text, operation), ms: performance.now() - began };
}

function address(operation, spoil) {
  return place.sidecar + (spoil === "path" ? "/nowhere" : `${place.tickets}/json/${operation}`);
}

function body(args, spoil) {
  if (spoil === "json") return '{"sStartDate": ';
  return JSON.stringify(spoil === "size" ? { ...args, sNote: "x".repeat(2 * 1024 * 1024) } : args);
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

/* One shape for success and failure; what the headers say holds even where the body was cut off. */
function read(reply, text, operation) {
  const header = (name) => reply.headers.get(name);
  const [state, ...params] = (header("Sidecar-State") ?? "no state").split(";").map((part) => part.trim());
  const param = (name) => params.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
  const common = {
    state, reason: param("reason"), executed: param("executed") ?? "unknown", requestId: header("X-Request-Id"),
    timing: header("Server-Timing"), age: header("Age"), status: reply.status, raw: text,
  };
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    return { ...common, category: "upstream", detail: "The answer was cut off." };
  }
  return {
    ...common, category: said.category, executed: said.executed, data: said.data?.[`${operation}Result`] ?? null,
    detail: detail(said), message: said.message?.text, errors: said.errors ?? [], links: said.links ?? {},
    retry: retry(said, header("Retry-After")),
    queue: said.queue ? { place: header("Sidecar-Place"), ...said.queue } : null,
  };
}

function detail(said) {
  if (said.errors?.length) return said.errors.map(({ pointer, text }) => `${pointer} ${text}`).join("; ");
  return said.fault?.text ?? said.detail ?? said.title;
}

/* The longest of the waits counts. */
function retry(said, retryAfter) {
  const poll = typeof said.queue?.next_poll_ms === "number" ? said.queue.next_poll_ms / 1000 : null;
  const waits = [said.retry?.after_s, retryAfter === null ? null : Number(retryAfter), poll].filter((wait) => wait !== null && wait !== undefined);
  if (!said.retry && !waits.length) return null;
  return { how: "wait", ...said.retry, after_s: waits.length ? Math.max(...waits) : null };
}
