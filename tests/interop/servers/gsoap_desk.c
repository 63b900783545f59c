/* The desk on gSOAP: `gsoap_desk PORT`. One call at a time, and a connection for each. Serves no WSDL: soapcpp2 leaves one beside
   the code. Knows nothing of any proxy. */
#include <stdio.h>
#include <stdlib.h>

#include "desk.nsmap"
#include "soapH.h"

#define PATIENCE_S 5 /* for one who connects and says nothing: others wait meanwhile */

int d__Tell(struct soap *soap, struct d__Card *card, struct d__TellResponse *reply)
{
    reply->TellResult = card;
    return SOAP_OK;
}

int d__Refuse(struct soap *soap, char *reason, struct d__RefuseResponse *reply)
{
    struct _d__Refusal *refusal = soap_new__d__Refusal(soap, 1);
    refusal->code = 42;
    refusal->reason = reason;
    soap_sender_fault(soap, reason, NULL);
    soap->fault->detail = soap_new_SOAP_ENV__Detail(soap, 1);
    soap->fault->detail->d__Refusal = refusal;
    return SOAP_FAULT;
}

int d__Fail(struct soap *soap, char *reason, struct d__FailResponse *reply)
{
    return soap_receiver_fault(soap, reason, NULL);
}

int main(int argc, char **argv)
{
    struct soap *soap = soap_new1(SOAP_C_UTFSTRING | SOAP_XML_STRICT);
    soap->recv_timeout = soap->send_timeout = PATIENCE_S;
    soap->bind_flags = SO_REUSEADDR;
    if (argc < 2 || !soap_valid_socket(soap_bind(soap, "127.0.0.1", atoi(argv[1]), 64))) {
        soap_print_fault(soap, stderr);
        return 1;
    }
    for (;;) {
        if (soap_valid_socket(soap_accept(soap)))
            soap_serve(soap);
        soap_destroy(soap);
        soap_end(soap);
    }
}
