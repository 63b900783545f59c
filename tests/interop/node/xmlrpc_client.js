// The npm package `xmlrpc`, unmodified: `xmlrpc_client.js URL STEPS`; prints one JSON line per step.
'use strict';

const crypto = require('node:crypto');
const readline = require('node:readline');
const util = require('node:util');
const xmlrpc = require('xmlrpc');

const TEXT = 'Grüße aus Ελλάδα: 1 < 2 & "3" ☃';
const STOOGES = { moe: 5, larry: 6, curly: 7 };
const DAY = Object.fromEntries([1, 2, 3].map((n) => [`0${n}`, { moe: n, larry: n + 1, curly: n + 2 }]));
const MANY = [7, true, 'a string', 1.5, new Date(1998, 6, 17, 14, 8, 55), Buffer.from('\x00\x01binary\xff', 'latin1')];

const VALIDATOR1 = {
  arrayOfStructsTest: [[[STOOGES, { ...STOOGES, curly: 10 }, { ...STOOGES, curly: -3 }]], 14],
  countTheEntities: [
    ['<<>&&&\'""x'],
    { ctLeftAngleBrackets: 2, ctRightAngleBrackets: 1, ctAmpersands: 3, ctApostrophes: 1, ctQuotes: 2 },
  ],
  easyStructTest: [[STOOGES], 18],
  echoStructTest: [[{ a: STOOGES, b: ['x', TEXT, ''] }], { a: STOOGES, b: ['x', TEXT, ''] }],
  manyTypesTest: [MANY, MANY],
  moderateSizeArrayCheck: [[Array.from({ length: 150 }, (_, n) => `entry ${n}`)], 'entry 0entry 149'],
  nestedStructTest: [[{ 1999: { 12: DAY }, 2000: { '03': DAY, '04': DAY } }], 6],
  simpleStructReturnTest: [[12], { times10: 120, times100: 1200, times1000: 12000 }],
};

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

function digest(lines) {
  const whole = lines.join('');
  return { rows: lines.length, chars: whole.length, sha256: crypto.createHash('sha256').update(whole).digest('hex') };
}

async function main(url, steps) {
  const client = xmlrpc.createClient({ url });
  const call = (method, ...parameters) =>
    new Promise((resolve, reject) => {
      client.methodCall(method, parameters, (error, value) => (error ? reject(error) : resolve(value)));
    });
  const validate = async (method) => {
    const [parameters, wanted] = VALIDATOR1[method];
    const got = await call(`validator1.${method}`, ...parameters);
    return util.isDeepStrictEqual(got, wanted) ? 'pass' : `wanted ${util.inspect(wanted)}, got ${util.inspect(got)}`;
  };
  const calls = {
    echo: () => call('echo', TEXT),
    add: () => call('add', 19, 23),
    seats: () => call('seats', 'A', 4),
    refuse: () => call('refuse', 'not today'),
    big: async () => digest(await call('report', 10000, 1024)),
    multicall: () =>
      call('system.multicall', [
        { methodName: 'add', params: [1, 2] },
        { methodName: 'echo', params: [TEXT] },
      ]),
    methods: () => call('system.listMethods'),
    version: () => call('supervisor.getSupervisorVersion'),
    state: () => call('supervisor.getState'),
    program: async () => ({ ...(await call('supervisor.getProcessInfo', 'usher')), now: null }),
    nosuch: () => call('supervisor.getProcessInfo', 'nosuch'),
  };
  for (const method of Object.keys(VALIDATOR1)) calls[`validator1.${method}`] = () => validate(method);

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
      outcome =
        error.faultCode === undefined
          ? { error: { class: error.constructor.name, text: String(error.message) } }
          : { fault: { class: `${error.constructor.name} with faultCode`, code: error.faultCode, text: error.faultString } };
    }
    say({ step, ...outcome, ms: Number(process.hrtime.bigint() - start) / 1e6 });
  }
  input.close();
}

main(...process.argv.slice(2));
