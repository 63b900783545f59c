// A `fetch` for the suite's client: GET /test/… becomes a SOAP call to the proxy; scripts and logs of the origin are its own affair.

import { ACTION, ask, disclose } from './envelope.mjs'
import { expect } from './origin.mjs'

const { fetch } = globalThis // before ours takes its place

// What the suite says of itself. It is in no key, and the origin is told beside the road.
const OWN = new Set(['test-id', 'test-name', 'req-num'])

// Answer like fetch, over `style` (soap: POST an envelope to `target`; get: GET below it), with the origin at `origin`.
export function road (style, target, origin) {
  return async (url, init = {}) => {
    const path = url.slice(new URL(url).origin.length)
    if (!path.startsWith('/test/')) return read(await fetch(origin + path, init))
    if ((init.method ?? 'GET') !== 'GET') throw new Error(`${init.method} has no SOAP form`)
    expect(path.split(/[/?]/)[2], Number(init.headers.find(([name]) => name === 'Req-Num')[1]))
    const headers = init.headers.filter(([name]) => !OWN.has(name.toLowerCase()))
    // The suite's no-store is for a browser's own cache, and fetch would send words of its own for it.
    const options = { redirect: init.redirect, headers }
    if (style === 'get') return read(await fetch(target + path, options))
    headers.push(['Content-Type', 'text/xml; charset=utf-8'], ['SOAPAction', ACTION])
    return unwrapped(await fetch(target, { ...options, method: 'POST', body: ask(path) }))
  }
}

async function unwrapped (response) {
  const headers = new Headers(response.headers)
  const body = disclose(await response.text(), headers)
  withoutOurs(headers)
  return answer(response, headers, body)
}

// The suite leaves some bodies unread, and each would keep a connection from everybody else.
async function read (response) {
  return answer(response, response.headers, await response.text())
}

function answer ({ status, statusText }, headers, body) {
  return { status, statusText, headers, text: async () => body }
}

// A proxy may add to Vary; ours does, for pages of other origins. The suite wants to read what its origin has written.
function withoutOurs (headers) {
  const names = (headers.get('vary') ?? '').split(', ').filter(name => name.toLowerCase() !== 'origin')
  if (names.join()) headers.set('vary', names.join(', '))
  else headers.delete('vary')
}
