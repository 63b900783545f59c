/* What people read of numbers: where they stand, how long it takes as a range, and why that has become longer. Text only, no page. */

const REASONS = {
  limit_cut: "the box office has slowed down, and takes fewer calls at once",
  cut_off: "the box office does not answer at the moment",
  slow_start: "the box office is getting up again, and is led back gently",
  overtaken: "others went first: who is paying already goes before who is still looking",
  mix: "those before you ask for more than people usually do",
};

const CALLED = {
  GetNewSessionKey: "Your basket", GetPerformances: "The programme", ReserveTickets: "Your seats", Checkout: "Your payment",
  ClearCart: "Giving back", GetCart: "Your seats", GetOrderDetails: "Your order", GetSalesReport: "The report", HelloWorld: "A greeting",
};

/** What people call an operation. */
export function called(operation) {
  return CALLED[operation] ?? operation;
}

/** "12 before you"; null where nobody knows. */
export function position(ahead) {
  if (ahead === null || ahead === undefined) return null;
  return ahead === 0 ? "You are next" : `${ahead.toLocaleString("en-GB")} before you`;
}

/** "about 1 to 2 minutes", from two numbers of seconds; null where nobody knows. */
export function wait(low, high) {
  if (high === null || high === undefined) return null;
  if (high < 10) return "a few seconds";
  if (high <= 60) return range(Math.floor((low ?? 0) / 5) * 5, Math.ceil(high / 5) * 5, "second");
  if (high <= 3600) return range(Math.round((low ?? 0) / 60), Math.ceil(high / 60), "minute");
  return "more than an hour";
}

/** Why it takes longer than was said; words even for a reason that this page does not know. */
export function reason(word) {
  return REASONS[word] ?? "more has to be done before you than was reckoned";
}

function range(low, high, unit) {
  const many = high === 1 ? unit : `${unit}s`;
  if (low === high) return `about ${high} ${many}`;
  return low < 1 ? `up to ${high} ${many}` : `about ${low} to ${high} ${many}`;
}
