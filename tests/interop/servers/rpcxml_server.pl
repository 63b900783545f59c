# The desk on Perl's RPC::XML::Server: `perl rpcxml_server.pl PORT IDLE_S ENCODING`. One connection at a time, as its
# server loop has it. ENCODING is what its replies declare; us-ascii is what it declares where nobody says. Knows nothing of any proxy.
use strict;
use warnings;

use RPC::XML;
use RPC::XML::Server;

my ($port, $idle, $encoding) = @ARGV;

# Values come here as plain ones, and Perl does not tell "7" from 7: what goes back as it came is a string, unless its type is said.
$RPC::XML::ENCODING = $encoding;
$RPC::XML::ALLOW_NIL = 1;
$RPC::XML::FORCE_STRING_ENCODING = 1;

my $server = RPC::XML::Server->new(
    host => '127.0.0.1', port => $port, queue => 64, no_default => 1, path => '/RPC2', timeout => $idle
);
die $server unless ref $server;

my %methods = (
    'desk.echo' => sub { $_[0] },
    'desk.digits' => sub { RPC::XML::string->new("$_[0]") },
    'desk.count' => sub { RPC::XML::int->new(scalar @_) },
    'desk.add' => sub { RPC::XML::int->new($_[0] + $_[1]) },
    'desk.types' => sub {
        RPC::XML::struct->new(
            int => RPC::XML::int->new(-7),
            big => RPC::XML::i8->new('9007199254740993'),
            ratio => RPC::XML::double->new('12.50'),
            sold => RPC::XML::boolean->new(1),
            text => RPC::XML::string->new(' a & b < "c" '),
            when => RPC::XML::datetime_iso8601->new('20261224T20:00:00'),
            bytes => RPC::XML::base64->new("\x00\x01\xff"),
            nothing => RPC::XML::nil->new(),
            list => RPC::XML::array->new(RPC::XML::array->new(RPC::XML::int->new(1)), RPC::XML::array->new()),
        );
    },
    'desk.latin' => sub { RPC::XML::string->new("Gr\xfc\xdfe") },
    'desk.refuse' => sub { RPC::XML::fault->new(42, $_[0]) },
);
for my $name (sort keys %methods) {
    # A function gets the parameters alone, whichever they are.
    my $added = $server->add_function({ name => $name, code => $methods{$name} });
    die $added if !ref $added;
}
$| = 1;
print "ready\n";
$server->server_loop();
