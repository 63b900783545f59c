// The desk as gSOAP's soapcpp2 reads it: no C, but what the service takes and gives. Of it come a WSDL and the code that reads
// and writes. Decimals and times are texts here, so that they go back as they came.
//gsoap d service name: desk
//gsoap d service type: DeskPort
//gsoap d service namespace: urn:example:desk
//gsoap d service style: document
//gsoap d service encoding: literal
//gsoap d schema namespace: urn:example:desk
//gsoap d schema form: qualified

typedef char *xsd__string;
typedef char *xsd__decimal;
typedef char *xsd__dateTime;
typedef LONG64 xsd__long;
enum xsd__boolean { false_, true_ };

struct d__Seat { xsd__string row 1; int number 1; };
struct d__ArrayOfSeat { int __size 0; struct d__Seat *Seat 0; };
struct d__ArrayOfString { int __size 0; xsd__string *string 0; };

struct d__Card {
  xsd__string text 1;
  int count 1;
  xsd__decimal price 1;
  xsd__long big 1;
  enum xsd__boolean sold 1;
  xsd__dateTime when 1;
  struct d__ArrayOfString *tags 1;
  struct d__ArrayOfSeat *seats 1;
  struct d__Seat *home 1;
  int __sizecodes 0;
  int *codes 0;
  xsd__string note 0;
};

struct _d__Refusal { int code 1; xsd__string reason 1; };
struct SOAP_ENV__Detail { struct _d__Refusal *d__Refusal; int __type; void *fault; char *__any; };

//gsoap d service method-action: Tell urn:example:desk/Tell
int d__Tell(struct d__Card *card, struct d__TellResponse { struct d__Card *TellResult; } *reply);
//gsoap d service method-action: Refuse urn:example:desk/Refuse
//gsoap d service method-fault: Refuse _d__Refusal
int d__Refuse(xsd__string reason, struct d__RefuseResponse { xsd__string RefuseResult; } *reply);
//gsoap d service method-action: Fail urn:example:desk/Fail
int d__Fail(xsd__string reason, struct d__FailResponse { xsd__string FailResult; } *reply);
