/** The browser client of a sidecar. What the states mean stands in states.d.ts and, for people, in docs/states.md. */

import type { Category, Envelope, State } from "./states.js";

export type { Category, Envelope, Executed, Reasons, RetryHow, State } from "./states.js";

/** A visitor's word in a room. Treat one that you do not know as `waiting`. */
export type Visitor =
  | "lobby"
  | "waiting"
  | "parked"
  | "called"
  | "admitted"
  | "needs_action"
  | "expired"
  | "forfeited"
  | "left"
  | "released";

export type RoomState = "scheduled" | "lobby" | "drawing" | "open" | "paused" | "sold_out" | "closed";

/** What a call comes to, always. `retry.after_s` is the longest of the waits that were told. */
export type Reply<Data = unknown> = Envelope<Data> & {
  /** Of HTTP; 0 where no response came. */
  readonly status: number;
  /** Not enumerable: a clone and a JSON text of the envelope are without it. Empty where no response came. */
  readonly headers: Headers;
  queue?: { lane?: string; reason?: string | null };
  room?: { draws_at?: string | null; title?: string };
  pass?: { token?: string };
  links?: { claim?: string; release?: string; board?: string };
};

/** Where an envelope came from. */
export interface Context {
  path: string;
  /** Counts from 1, polls for the outcome of a call included; for a room's requests, how many failed in a row. */
  attempt: number;
  /** In how many ms the call is repeated; null where this is its end. */
  again_ms: number | null;
  /** Of a room's own requests. */
  room?: string;
}

export type Listener = (reply: Reply, context: Context) => void;

export interface Limits {
  /** How often a call is sent at most; 4. */
  attempts?: number;
  /** How long a call may be repeated; 60 000. The turn in a room is waited for beyond it. */
  patience_ms?: number;
  /** Of one attempt; 30 000. Told to the sidecar, too, where it is given. */
  timeout_ms?: number;
}

export interface Options extends Limits {
  /** Of messages for people, as in Accept-Language. */
  language?: string;
  /** Where a place is kept; localStorage. Without one that works it is kept in memory. */
  storage?: Pick<Storage, "getItem" | "setItem">;
  fetch?: typeof fetch;
  /** Whether cookies go along; "same-origin". */
  credentials?: RequestCredentials;
  /** Hears every state of every attempt. */
  onstate?: Listener;
}

export interface CallOptions extends Limits {
  /** POST with a body, else GET. */
  method?: string;
  /** Objects and arrays go as JSON, anything else as fetch takes it. A stream cannot be sent again and is refused. */
  body?: unknown;
  headers?: HeadersInit;
  /** Gives up. Where a body may have left, the effect is then unknown. */
  signal?: AbortSignal;
  /** The Idempotency-Key that makes a purchase safe to repeat: a text of yours, or true for a new one. */
  key?: string | true;
  /** Join a room where the call needs its pass, wait for the turn, and repeat the call. True: the room that the reply names. */
  room?: Room | true;
  /** A place in line that an earlier reply gave. */
  place?: string;
}

export interface JoinOptions {
  invite?: string;
  assertion?: string;
  account?: string;
  /** The backend's session that the pass is to live on. */
  session?: string;
  /** A place that you keep yourself; one that this browser keeps goes first. */
  place?: string | null;
  /** A pass that you were handed, by the widget say; its place is asked for. Alone in `#sidecar-pass=NAME:PASS` it is taken by itself. */
  pass?: string | null;
  /** When to claim once called: while the tab is looked at (the default), when the page says so, or always. */
  claim?: "visible" | "manual" | "always";
}

/** `state` is every envelope; a visitor's word comes when it changes; `failed` had no word for us, the place is kept;
 * `lost` says why the place is gone, it is joined again once; after `over` nothing is asked any more. */
export type RoomEvents = Record<Visitor | "state" | "failed" | "lost" | "over", CustomEvent<Reply>>;

export interface Room extends EventTarget {
  readonly name: string;
  readonly place: string | null;
  readonly pass: string | null;
  /** The last one, also where it failed. */
  readonly envelope: Reply | null;
  /** What the last one with a word about us said. */
  readonly queue: NonNullable<Reply["queue"]> | null;
  readonly over: boolean;
  claim(): Promise<Reply>;
  /** Give the place up. Closing a tab does not. */
  leave(): Promise<Reply>;
  /** Give the pass back early. */
  release(): Promise<Reply>;
  /** Stand in line anew, after `over`. */
  join(): void;
  /** Ask no more, without leaving. */
  close(): void;
  /** Resolves once there is a pass, or when none will come. */
  turn(signal?: AbortSignal): Promise<void>;
  /** The server's clock in ms, for countdowns to `claim_by` and `opens_at`. */
  now(): number;
  addEventListener<Name extends keyof RoomEvents>(
    type: Name,
    listener: (this: Room, event: RoomEvents[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

export interface Sidecar {
  /** Never throws, never rejects, is never silent. */
  call<Data = unknown>(path: string, options?: CallOptions): Promise<Reply<Data>>;
  /** One room by each name: while it lives, the same one is returned. */
  join(name: string, options?: JoinOptions): Room;
  /** Hear of a state, of a category, or of all; returns what ends it. */
  on(word: State | Category | "*" | (string & {}), listener: Listener): () => void;
}

/** Speak to the sidecar at `base`; without one, to the sidecar that the module came from. A pass that the room's own page has put into the
 * address (`#sidecar-pass=NAME:PASS`) is taken out of it, and its room joined. */
export function sidecar(base?: string | URL, options?: Options): Sidecar;
