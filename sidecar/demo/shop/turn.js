/* Whose turn it is: one card for each call that was told to come back. It shows the place, the wait and why, and counts down to the
 * moment at which the call comes back by itself. What is said in words goes to the status line too, once for each answer. */

import { make } from "./ledger.js";
import { called, position, reason, wait } from "./words.js";

const STAYS_MS = 8000; // of a card whose wait is over: long enough to be read
const RISES_S = 2; // below this a wait is as long as it was: it is told in whole seconds

const turns = document.getElementById("turns");
const said = document.getElementById("turn-said");

/** Whether the call comes back by itself: it was not executed, and somebody said when. A backend that is down is left to the visitor. */
export function waits({ category, executed, retry }) {
  return (category === "busy" || category === "limit") && executed === "no" && retry?.how === "wait";
}

/** One call's wait: `come(outcome)` settles when it is to come back, false where the visitor left; `end(outcome)` tells how it ended. */
export function turn(operation) {
  let card = null;
  const trail = [];
  return {
    come(outcome) {
      card ??= build(operation);
      trail.push(outcome.state);
      return card.show(outcome, trail);
    },
    end(outcome) {
      if (card) card.end([...trail, outcome.state], outcome);
    },
  };
}

function build(operation) {
  const part = (tag, name) => make(tag, `turn-${name}`);
  const [head, ahead, eta, why, code, timer, trail] =
    [part("h3", "head"), part("p", "ahead"), part("p", "eta"), part("p", "why"), part("p", "code"), part("p", "timer"), part("p", "trail")];
  timer.setAttribute("role", "timer");
  const leave = make("button", "turn-leave", "Leave the line");
  leave.type = "button";
  const card = make("li", "turn", head, ahead, eta, why, code, timer, trail, leave);
  turns.append(card);
  let told = null; // what was said last, and when

  function show(outcome, states) {
    const queue = outcome.queue ?? {};
    const at = performance.now();
    const limited = outcome.category === "limit";
    const longer = risen(told, queue, at);
    told = { queue, at };
    card.dataset.category = outcome.category;
    write(head, limited ? `${called(operation)}: in a moment` : `${called(operation)}: you are in line`);
    write(ahead, position(queue.ahead));
    write(why, limited ? "You asked more often than one visitor may. Nothing was done, nothing is lost."
      : longer ? `It takes longer than we said: ${reason(queue.eta_reason)}.` : null);
    write(code, queue.place_code ? `Your place is ${queue.place_code}` : null);
    write(trail, states.join(" → "));
    announce(head, ahead, wait(queue.eta_low_s, queue.eta_high_s), why, code);
    return count(outcome.retry.after_s ?? 1, at);
  }

  /* Once a second, until it is time to come back or the visitor has left. */
  function count(afterS, at) {
    return new Promise((done) => {
      const tick = () => {
        const passed = (performance.now() - at) / 1000;
        const { eta_low_s: low, eta_high_s: high } = told.queue;
        write(eta, wait(low && Math.max(0, low - passed), high && Math.max(0, high - passed)));
        const left = Math.ceil(afterS - passed);
        write(timer, left > 0 ? `Asks again by itself in ${left} s` : "Asking again now");
        if (left > 0) timeout = setTimeout(tick, 1000 - (passed * 1000) % 1000);
        else finish(true);
      };
      const finish = (back) => { clearTimeout(timeout); leave.onclick = null; done(back); };
      let timeout = null;
      leave.onclick = () => { finish(false); card.remove(); };
      tick();
    });
  }

  function end(states, outcome) {
    card.dataset.category = outcome.category;
    card.classList.add("is-over");
    write(head, outcome.category === "ok" ? `${called(operation)}: it was your turn` : `${called(operation)}: the wait is over`);
    for (const gone of [ahead, eta, why, code, timer]) write(gone, null);
    write(trail, states.join(" → "));
    leave.remove();
    announce(head, make("p", "", outcome.state));
    setTimeout(() => card.remove(), STAYS_MS);
  }

  return { show, end };
}

/* Whether it takes longer than what was said last, less the time that has passed since. */
function risen(told, queue, at) {
  if (!told || told.queue.eta_s === undefined || queue.eta_s === undefined) return false;
  return queue.eta_s > Math.max(0, told.queue.eta_s - (at - told.at) / 1000) + RISES_S;
}

function write(element, text) {
  element.hidden = !text;
  if (element.textContent !== (text ?? "")) element.textContent = text ?? "";
}

function announce(...parts) {
  said.textContent = parts.map((part) => (part?.textContent ?? part)).filter(Boolean).join(". ");
}
