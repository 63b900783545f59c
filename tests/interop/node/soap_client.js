// The npm package `soap`, unmodified, speaking to a box office: `soap_client.js WSDL_URL STEPS [soap12]`; one JSON line per step.
'use strict';

const crypto = require('node:crypto');
const readline = require('node:readline');
const soap = require('soap');

const TEXT = 'Grüße aus Ελλάδα: 1 < 2 & "3" ☃';

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function digest(lines) {
  const whole = lines.join('');
  return { rows: lines.length, chars: whole.length, sha256: crypto.createHash('sha256').update(whole).digest('hex') };
}

async function main(url, steps, version) {
  const client = await soap.createClientAsync(url, { forceSoap12Headers: version === 'soap12', returnFault: false });
  // `forever` is the package's own switch for persistent connections; without it each call says `Connection: close`.
  const run = async (operation, parameters) =>
    (await client[`${operation}Async`](parameters, { forever: true, gzip: true }))[0][`${operation}Result`];
  const calls = {
    echo: () => run('Echo', { text: TEXT }),
    add: () => run('Add', { a: 19, b: 23 }),
    seats: () => run('Seats', { row: 'A', count: 4 }),
    seat: () => run('Seat', { row: 'A', number: 4 }),
    price: () => run('Price', { when: '2026-12-24T20:00:00', ratio: 0.5 }),
    refuse: () => run('Refuse', { reason: 'not today' }),
    big: async () => digest((await run('Report', { rows: 10000, width: 1024 })).string),
  };
  const input = readline.createInterface({ input: process.stdin });
  const lines = input[Symbol.asyncIterator]();
  for (const step of steps.split(',')) {
    if (step === 'wait') {
      say({ step });
      await lines.next();
      continue;
    }
    const start = process.hrtime.bigint();
    let outcome;
    try {
      outcome = { value: await calls[step]() };
    } catch (error) {
      const fault = error.root && error.root.Envelope && error.root.Envelope.Body && error.root.Envelope.Body.Fault;
      outcome = fault
        ? { fault: { class: `${error.constructor.name} with root.Envelope.Body.Fault`, text: error.message, fault } }
        : { error: { class: error.constructor.name, text: String(error.message) } };
    }
    say({ step, ...outcome, ms: Number(process.hrtime.bigint() - start) / 1e6 });
  }
  input.close();
}

main(...process.argv.slice(2)).catch((error) => {
  say({ step: 'wsdl', error: { class: error.constructor.name, text: String(error.message) } });
  process.exitCode = 1;
});
