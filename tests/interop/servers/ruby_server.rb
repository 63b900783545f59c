# The desk on Ruby's XMLRPC::Server (WEBrick): `ruby ruby_server.rb PORT`. As it is installed: it knows no nil, reads i8 and writes
# none, has four connections and keeps an idle one for 30 s. Knows nothing of any proxy.
require 'xmlrpc/server'

server = XMLRPC::Server.new(ARGV[0].to_i, '127.0.0.1')

server.add_handler('desk.echo') { |value| value }
server.add_handler('desk.add') { |a, b| a + b }
server.add_handler('desk.count') { |*values| values.size }
server.add_handler('desk.digits') { |number| number.to_s }
server.add_handler('desk.refuse') { |reason| raise XMLRPC::FaultException.new(42, reason) }
server.add_handler('desk.break') { |reason| raise reason }
server.add_handler('desk.nothing') { nil }
server.add_handler('desk.types') do
  {
    'int' => -7, 'ratio' => 12.5, 'sold' => true, 'text' => ' a & b < "c" ', 'bytes' => XMLRPC::Base64.new("\x00\x01\xff".b),
    'when' => XMLRPC::DateTime.new(2026, 12, 24, 20, 0, 0), 'list' => [[1], []],
  }
end
server.set_default_handler { |name, *_| raise XMLRPC::FaultException.new(-99, "Method #{name} missing") }
server.serve
