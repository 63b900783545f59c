<?php
// PHP's SoapClient, unmodified, speaking to a box office: `php_client.php WSDL_URL STEPS [soap12]`; one JSON line per step.

error_reporting(E_ALL);
ini_set('display_errors', 'stderr');
ini_set('soap.wsdl_cache_enabled', '0');
ini_set('default_socket_timeout', '60');

const TEXT = 'Grüße aus Ελλάδα: 1 < 2 & "3" ☃';

function say(array $line): void
{
    $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION;
    fwrite(STDOUT, json_encode($line, $flags) . "\n");
}

function digest(array $lines): array
{
    $whole = implode('', $lines);
    return ['rows' => count($lines), 'chars' => strlen($whole), 'sha256' => hash('sha256', $whole)];
}

[, $url, $steps] = $argv;
$options = [
    'soap_version' => ($argv[3] ?? 'soap11') === 'soap12' ? SOAP_1_2 : SOAP_1_1,
    'cache_wsdl' => WSDL_CACHE_NONE,
    'exceptions' => true,
    'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
    'compression' => SOAP_COMPRESSION_ACCEPT,
];
try {
    $client = new SoapClient($url, $options);
} catch (Throwable $error) {
    say(['step' => 'wsdl', 'error' => ['class' => get_class($error), 'text' => $error->getMessage()]]);
    exit(1);
}

$rpc = str_contains($client->__getFunctions()[0], '(string $text)');  // rpc lists its parameters, wrapped has one object
$run = function (string $operation, array $arguments) use ($client, $rpc) {
    $reply = $client->__soapCall($operation, $rpc ? array_values($arguments) : [$arguments]);
    return $rpc ? $reply : $reply->{$operation . 'Result'};
};
$calls = [
    'echo' => fn() => $run('Echo', ['text' => TEXT]),
    'add' => fn() => $run('Add', ['a' => 19, 'b' => 23]),
    'seats' => fn() => $run('Seats', ['row' => 'A', 'count' => 4])->Seat,
    'seat' => fn() => $run('Seat', ['row' => 'A', 'number' => 4]),
    'price' => fn() => $run('Price', ['when' => '2026-12-24T20:00:00', 'ratio' => 0.5]),
    'refuse' => fn() => $run('Refuse', ['reason' => 'not today']),
    'big' => fn() => digest($run('Report', ['rows' => 10000, 'width' => 1024])->string),
];

foreach (explode(',', $steps) as $step) {
    if ($step === 'wait') {
        say(['step' => $step]);
        fgets(STDIN);
        continue;
    }
    $start = hrtime(true);
    try {
        $outcome = ['value' => $calls[$step]()];
    } catch (SoapFault $fault) {
        $outcome = ['fault' => [
            'class' => get_class($fault),
            'code' => $fault->faultcode,
            'text' => $fault->faultstring,
            'detail' => json_encode($fault->detail ?? null, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES),
        ]];
    } catch (Throwable $error) {
        $outcome = ['error' => ['class' => get_class($error), 'text' => $error->getMessage()]];
    }
    say(['step' => $step] + $outcome + ['ms' => (hrtime(true) - $start) / 1e6]);
}
