/* What the words of the status mean. Others are shown as they are. */

/* Group of the charts: { state: meaning }. */
const ANSWERS = {
  done: {
    ok: "The backend answered.",
    cached: "From memory, within its time.",
    stale: "From memory, past its time.",
    fallback: "By a rule, in the backend’s place.",
    partial: "Fewer than were asked for; those are done.",
    replayed: "The same key again: the first answer.",
    deferred: "Taken in, to be carried out later.",
  },
  refused: {
    overloaded: "The backend has all that it can bear. Nothing was sent.",
    draining: "This sidecar is going away.",
    waiting: "Sent to the waiting room.",
    pass_expired: "Its pass had run out.",
    paused: "Paused on purpose.",
    rate_limited: "This client asks more often than it may.",
    poll_too_soon: "This client polls far too often.",
    in_progress: "A call with the same key is under way.",
  },
  failed: {
    backend_unreachable: "No connection; nothing was sent.",
    backend_fault: "A fault of the backend’s own.",
    outcome_unknown: "Sent, no answer came: it may have run.",
    backend_bad_reply: "A web page, half a message or nothing.",
    internal: "A bug of the sidecar: see the log.",
  },
  declined: {
    business_no: "A no for a reason of the business.",
    sold_out: "Nothing is left.",
    sale_closed: "The sale is over.",
    verify_required: "A check is needed first.",
    account_limit: "This account has what one may have.",
    operation_denied: "Not offered by the settings.",
    origin_denied: "The page is not of cors.origins.",
    key_reused: "The key stands for another call.",
    key_missing: "An Idempotency-Key is needed.",
    key_unsupported: "No Idempotency-Key is taken.",
    not_found: "Nothing lives at the address.",
    method_not_allowed: "Not by this method.",
    unsupported_media: "A kind of content not taken.",
    malformed: "The request cannot be read.",
    action_mismatch: "SOAPAction and body disagree.",
    doctype_refused: "A DOCTYPE is not taken.",
    invalid_params: "A parameter is wrong.",
    too_large: "Larger than limits.request_body.",
    uri_too_long: "The address is too long.",
    headers_too_large: "The headers are too large.",
    body_timeout: "The request did not arrive in time.",
  },
};

export const GROUPS = Object.keys(ANSWERS);
export const STATES = Object.assign({}, ...Object.values(ANSWERS));

/* Which part of the sidecar refused: each is another screw. */
export const MECHANISMS = {
  queue: "The line is full: queue.size.",
  wait: "No slot within queue.wait.",
  client: "queue.per_client, while others wait.",
  operator: "Taken out of the line by hand.",
  breaker: "breaker: spares what fails too often.",
  rate: "rate: says that this was too often.",
  deadline: "No slot before the caller’s own deadline.",
  connections: "limits.connections, or a share of it, is used up.",
  buffered: "limits.buffered, or a share of it, is used up.",
  deeds: "No room for another key.",
  key: "An Idempotency-Key missing, not taken, in use.",
  upstream: "The backend gave no usable answer.",
  pause: "A pause.",
  room: "A waiting room.",
  drain: "The sidecar is on its way down.",
  deny: "deny:, strict: or asmx_get: says no.",
  origin: "Not one of cors.origins.",
  route: "No such address or method.",
  media: "Content or sign-in not taken.",
  parse: "The request cannot be read.",
  size: "A size limit.",
  slow: "The client was too slow.",
  bug: "A bug of the sidecar.",
  other: "Newer than this list.",
};

export const PRESSURE = { ok: "has room", strained: "calls wait or fail", down: "does not answer" };

/* Warning: [title, what to do where the sidecar does not say, commands]; the gravest first. */
export const WARNINGS = {
  gone: ["No answer from the sidecar", "It has stopped, or the way is cut (tunnel, port-forward). Ask on its own machine; if silent, read the end of its log "
    + "before a restart.", ["sidecar status", "journalctl -u sidecar -n 50"]],
  unreadable: ["The status cannot be read", "Is this a sidecar’s admin port? A token goes in at the top.", ["sidecar status"]],
  reload_failed: ["The last reload failed", "Mend what is named, check, reload. Do not restart before that.", ["sidecar check FILE", "sidecar reload"]],
  backend_down: ["A backend does not answer", "Look at its host. The sidecar goes on by itself; restarting it changes nothing.", ["sidecar doctor FILE"]],
  bug: ["The sidecar has met a bug of its own", "Report the “bug” lines of the log.", []],
  draining: ["The sidecar is on its way down", "It finishes what is under way. Who sent SIGTERM?", ["systemctl status sidecar"]],
  paused: ["Paused", "Resume it.", []],
  room_by_hand: ["A room was set by hand", "Is it meant?", []],
  backend_strained: ["A backend is strained", "Ghosts, or a p95 that grows: it hangs. Else it is demand. Do not raise a limit above what was load-tested.", ["sidecar top"]],
  limit_at_minimum: ["A limit is at its minimum", "The backend fails or hangs.", []],
  queue_full: ["A line is full", "Demand, or one client?", ["sidecar queue list"]],
  limit_at_maximum: ["The settings hold a limit back", "If the backend has room, raise limit.adaptive.max.", []],
  fault_active: ["Calls go wrong on purpose", "It ends by itself.", []],
  observing: ["Protection is taken out", "It is back by itself.", []],
  override_active: ["Overridden by hand", "It goes back by itself. To end it now:", []],
  config_differs: ["The settings on disk are not in force", "Reload, or put the file back.", ["sidecar check FILE --diff running", "sidecar reload"]],
  one_client: ["One client makes nearly all requests", "A proxy of yours? Name it under clients.trust.", []],
  log_dropped: ["Log lines were dropped", "What reads the log is too slow.", []],
  nofile_low: ["Too few file descriptors", "Raise LimitNOFILE=, or lower limits.connections.", []],
  unasked: ["A backend sends what nobody asked for", "Its people must mend it.", []],
  admin_open: ["Others can reach the admin port", "Bind it to loopback or a unix socket.", []],
};

/** Look a word up, and in no prototype. */
export function word(table, key) {
  return Object.hasOwn(table, key) ? table[key] : null;
}

/** Return the group of the charts that a state is added to. */
export function groupOf(state) {
  return GROUPS.find((group) => word(ANSWERS[group], state)) ?? "failed";
}
