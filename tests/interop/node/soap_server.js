// The desk on npm soap: `soap_server.js PORT WSDL`. Serves its WSDL at /desk?wsdl; knows nothing of any proxy.
'use strict';

const fs = require('fs');
const http = require('http');
const soap = require('soap');

const [port, file] = process.argv.slice(2);

function fault(code, reason, detail) {
  return { Fault: { faultcode: `soap:${code}`, faultstring: reason, ...(detail && { detail }), statusCode: 500 } };
}

const desk = {
  // An empty element is read as null, and would go back as nil.
  Tell: ({ card }) => ({ TellResult: { ...card, tags: card.tags ?? {}, seats: card.seats ?? {} } }),
  Refuse: ({ reason }) => {
    throw fault('Client', reason, { 'tns:Refusal': { 'tns:code': 42, 'tns:reason': reason } });
  },
  Fail: ({ reason }) => {
    throw fault('Server', reason);
  },
};

const lexical = (text) => text;
const options = {
  path: '/desk',
  services: { Desk: { Desk: desk } },
  xml: fs.readFileSync(file, 'utf8'),
  handleNilAsNull: true, // else a nil is nothing
  customDeserializer: { decimal: lexical, long: lexical, dateTime: lexical }, // else 12.50 is 12.5, and a time is lost
};

const server = http.createServer((request, response) => {
  response.statusCode = 404;
  response.end();
});
server.listen(Number(port), '127.0.0.1', () => {
  // Its clients have this option, its servers only so: a text keeps its ends.
  soap.listen(server, options).wsdl.options.preserveWhitespace = true;
});
