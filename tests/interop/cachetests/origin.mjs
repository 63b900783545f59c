// The suite's own server, unmodified, behind a SOAP door: an envelope that names a path becomes a GET of it, and the reply an envelope.
//
// Loaded before the server, whose http.createServer it wraps. Status and header lines stay where they are, for they are what a cache is
// judged by. What describes the bytes of the body (type, length, coding) goes into the envelope with them.
//
// A shared flight carries nothing that is not in its key, so not the number of the client's request either, which the server notes. The
// client says it here, beside the road.

import http from 'node:http'
import { enclose, pathIn } from './envelope.mjs'

export const DOOR = '/soap'

const numbers = new Map()

export function expect (uuid, number) {
  numbers.set(uuid, number)
}

const createServer = http.createServer
http.createServer = handler => {
  const server = createServer((request, response) => {
    endWhereOnlyTheEndTells(request.socket, response)
    if (request.url === DOOR) return enter(handler, request, response)
    number(request)
    handler(request, response)
  })
  const listen = server.listen
  server.listen = port => listen.call(server, port, '127.0.0.1')
  return server
}

async function enter (handler, request, response) {
  const pieces = []
  for await (const piece of request) pieces.push(piece)
  request.url = pathIn(Buffer.concat(pieces).toString())
  request.method = 'GET'
  number(request)
  const end = response.end
  response.end = body => {
    if (body !== undefined) {
      body = enclose(response, String(body))
      response.setHeader('Content-Type', 'text/xml; charset=utf-8')
    } else {
      response.removeHeader('Content-Type')
    }
    return end.call(response, body)
  }
  handler(request, response)
}

// One test has a transfer coding that nobody knows: its body ends with the connection (RFC 9112 section 6.3), for which all would wait.
function endWhereOnlyTheEndTells (socket, response) {
  response.on('finish', () => {
    if (response.hasHeader('Transfer-Encoding')) socket.end()
  })
}

function number (request) {
  const uuid = request.url.split(/[/?]/)[2]
  if (numbers.has(uuid)) request.headers['req-num'] = String(numbers.get(uuid))
}
