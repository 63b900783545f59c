"""The namespaces of WSDL 1.1 and what hangs on it, as their specifications spell them, for every SOAP module here."""

from typing import Final

WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"  # W3C note WSDL 1.1, 2001
SOAP11_BINDING: Final = "http://schemas.xmlsoap.org/wsdl/soap/"
SOAP12_BINDING: Final = "http://schemas.xmlsoap.org/wsdl/soap12/"  # W3C submission "WSDL 1.1 binding for SOAP 1.2"
HTTP_BINDING: Final = "http://schemas.xmlsoap.org/wsdl/http/"
XSD: Final = "http://www.w3.org/2001/XMLSchema"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XML: Final = "http://www.w3.org/XML/1998/namespace"
XOP: Final = "http://www.w3.org/2004/08/xop/include"
ENCODING11: Final = "http://schemas.xmlsoap.org/soap/encoding/"  # SOAP 1.1 section 5
ENCODING12: Final = "http://www.w3.org/2003/05/soap-encoding"  # SOAP 1.2 part 2 section 3
WSA: Final = ("http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing")
DISCO: Final = "http://schemas.xmlsoap.org/disco/"  # DISCO, the list of documents that ASMX serves at ?disco
DISCO_CONTRACT: Final = "http://schemas.xmlsoap.org/disco/scl/"
DISCO_SCHEMA: Final = "http://schemas.xmlsoap.org/disco/schema/"
DISCO_SOAP: Final = "http://schemas.xmlsoap.org/disco/soap/"
