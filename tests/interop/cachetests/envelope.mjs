// What both ends of the road know: the operation `Fetch`, and what of a reply travels in its envelope.

const CARRIED = ['content-type', 'content-length', 'content-encoding']
const NAMESPACE = 'urn:cache-tests'

export const ACTION = `"${NAMESPACE}/Fetch"`

const wrap = inside =>
  '<?xml version="1.0" encoding="utf-8"?>' +
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${inside}</s:Body></s:Envelope>`

const escape = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const plain = text => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')

// Text of the one element of that name, whatever its prefix: who is in between may write a message of its own that says the same.
function textOf (name, message) {
  const found = message.match(new RegExp(`<(?:[\\w.-]+:)?${name}(?:\\s[^>]*)?>([^<]*)</`))
  return found && plain(found[1])
}

export const ask = path => wrap(`<Fetch xmlns="${NAMESPACE}"><path>${escape(path)}</path></Fetch>`)
export const pathIn = message => textOf('path', message)

// Move what describes the body, with the body, from a reply into an envelope.
export function enclose (response, body) {
  const carried = CARRIED.filter(name => response.hasHeader(name)).map(name => {
    const value = String(response.getHeader(name))
    response.removeHeader(name)
    return `<${name}>${escape(value)}</${name}>`
  })
  return wrap(`<FetchResponse xmlns="${NAMESPACE}"><FetchResult>${carried.join('')}<body>${escape(body)}</body></FetchResult></FetchResponse>`)
}

// The other way round: return the body, and put into `headers` what was carried. A message of another kind is its own body.
export function disclose (message, headers) {
  const body = textOf('body', message)
  if (body === null) return message
  for (const name of CARRIED) {
    headers.delete(name)
    const value = textOf(name, message)
    if (value !== null) headers.set(name, value)
  }
  return body
}
