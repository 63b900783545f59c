// Runs the suites that a cache of calls can be judged by, and prints one JSON object: per test its suite, kind, verdict and message.
//
//     node run.mjs SUITE ORIGIN_PORT soap|get TARGET
//
// SUITE is the folder of the package; the origin listens on 127.0.0.1:ORIGIN_PORT while this runs; TARGET is the URL of the proxy: of its
// SOAP endpoint, or (get) the prefix of the paths. `soap` to http://127.0.0.1:ORIGIN_PORT/soap is the road without a proxy.

import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [, , suite, port, style, target] = process.argv

// Left out: what is about methods, ranges, validation by clients, or guessed lifetimes.
const SUITES = new Set([
  'cc-freshness', 'cc-parse', 'age-parse', 'cc-response', 'stale', 'headers', 'auth', 'other', 'vary', 'vary-parse', 'status', 'cc-request'
])

// The published package has its parts at the top, the repository in a folder.
const engine = fs.existsSync(path.join(suite, 'test-engine')) ? path.join(suite, 'test-engine') : suite
const load = (...file) => import(pathToFileURL(path.join(...file)))

process.env.npm_config_protocol = 'http'
process.env.npm_config_port = port
process.env.npm_config_pidfile = '/dev/null'
console.log = console.error // standard output is for the verdicts

const { road } = await import('./client.mjs') // and with it the origin's door, before the server
await load(engine, 'server', 'server.mjs')
const { runTests, getResults } = await load(engine, 'client', 'runner.mjs')
const all = (await load(suite, 'tests', 'index.mjs')).default
const chosen = all.filter(each => SUITES.has(each.id))
const tests = new Map(all.flatMap(each => each.tests.map(test => [test.id, { ...test, suite: each.id }])))

const origin = `http://127.0.0.1:${port}`
const ask = road(style, target, origin)
globalThis.fetch = ask // which the repository takes; the package wants it handed over
const settings = [false, origin, 1_000] // no browser's cache; all at once, for most of them wait three seconds
await (engine === suite ? runTests(chosen, ask, ...settings) : runTests(chosen, ...settings))
const results = getResults()

const GOOD = new Set(['pass', 'yes'])

// The suite's own words (lib/display.mjs), of which that of a dependency goes before the test's own.
function verdict (id) {
  const { kind = 'required', depends_on: needs = [] } = tests.get(id)
  const result = results[id]
  if (result === undefined) return 'untested' // of a suite that is left out
  if (needs.some(each => !GOOD.has(verdict(each)))) return 'dependency'
  if (result !== true && result[0] === 'Setup') return result[1] === 'retry' ? 'retry' : 'setup'
  if (kind === 'check') return result === true ? 'yes' : 'no'
  return result === true ? 'pass' : 'fail'
}

const said = Object.keys(results).map(id => [id, {
  suite: tests.get(id).suite,
  kind: tests.get(id).kind ?? 'required',
  verdict: verdict(id),
  message: results[id] === true ? '' : results[id][1]
}])
process.stdout.write(JSON.stringify(Object.fromEntries(said)), () => process.exit(0))
