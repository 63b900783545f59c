<?php
// The box office on PHP's SoapServer, as the router script of `php -S`. /doc is document/literal (SOAP 1.1 and 1.2), /rpc is
// rpc/encoded, /desk is the desk (document/literal, SOAP 1.1). The WSDLs come from BOXOFFICE_WSDL_DIR with their addresses filled in; SoapServer serves them itself at ?wsdl.

error_reporting(E_ALL);
ini_set('display_errors', '0');
ini_set('soap.wsdl_cache_enabled', '0');

const MAX_REPORT_BYTES = 64 << 20; // more than any test asks for; a report is built in memory

function seat(string $row, int $number): array
{
    return [
        'number' => $number,
        'price' => $number * 12.25,
        'sold' => $number % 2 === 0,
        'note' => $number % 3 === 0 ? null : $row . $number,
    ];
}

function quote(string $when, float $ratio): array
{
    $day = new DateTimeImmutable($when);
    return [
        'when' => $day->modify('+1 day')->format('Y-m-d\TH:i:s'),
        'ratio' => $ratio * 2,
        'day' => (int) $day->format('j'),
    ];
}

/** Document/literal wrapped: one object in, one array named after the result element out. */
class BoxOffice
{
    public function Echo($in) { return ['EchoResult' => $in->text]; }
    public function Add($in) { return ['AddResult' => $in->a + $in->b]; }
    public function Price($in) { return ['PriceResult' => quote($in->when, $in->ratio)]; }
    public function Refuse($in) { throw new SoapFault('Client', $in->reason); }

    public function Seats($in)
    {
        $seats = [];
        for ($number = 1; $number <= $in->count; $number++) {
            $seats[] = seat($in->row, $number);
        }
        return ['SeatsResult' => ['Seat' => $seats]];
    }

    public function Report($in)
    {
        if ($in->rows * $in->width > MAX_REPORT_BYTES) {
            throw new SoapFault('Client', 'the report would be too large');
        }
        $lines = [];
        for ($number = 0; $number < $in->rows; $number++) {
            $lines[] = str_pad(sprintf('%08d', $number), $in->width, 'x');
        }
        return ['ReportResult' => ['string' => $lines]];
    }
}

/** rpc/encoded: plain parameters in, the value out. */
class BoxOfficeRpc
{
    public function Echo($text) { return $text; }
    public function Add($a, $b) { return $a + $b; }
    public function Seat($row, $number) { return seat($row, $number); }
    public function Price($when, $ratio) { return quote($when, $ratio); }
    public function Refuse($reason) { throw new SoapFault('Client', $reason); }
}

/** Gives a record back as it came, and fails in both ways. */
class Desk
{
    public function Tell($in) { return ['TellResult' => $in->card]; }
    public function Fail($in) { throw new SoapFault('Server', $in->reason); }

    public function Refuse($in)
    {
        throw new SoapFault('Client', $in->reason, null, ['code' => 42, 'reason' => $in->reason], 'Refused');
    }
}

$faces = [
    '/doc' => ['boxoffice.wsdl', 'BoxOffice'],
    '/rpc' => ['boxoffice-rpc.wsdl', 'BoxOfficeRpc'],
    '/desk' => ['desk.wsdl', 'Desk'],
];
[$file, $class] = $faces[parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)] ?? [null, null];
if ($file === null) {
    http_response_code(404);
    exit;
}
$soap12 = str_starts_with($_SERVER['CONTENT_TYPE'] ?? $_SERVER['HTTP_CONTENT_TYPE'] ?? '', 'application/soap+xml');
$server = new SoapServer(
    getenv('BOXOFFICE_WSDL_DIR') . '/' . $file,
    ['cache_wsdl' => WSDL_CACHE_NONE, 'soap_version' => $soap12 ? SOAP_1_2 : SOAP_1_1]
);
$server->setClass($class);
$server->handle();
