"""SOAP and ASMX requests beyond the corpus: who may GET what, what bounds hold, and what a WSDL changes."""

from __future__ import annotations

import pytest

from adapters.soap import asmx
from adapters.soap.adapter import SoapAdapter
from adapters.soap.wsdl import index_one
from sidecar.demo.wsdl import wsdl
from sidecar.model import Dialect, Refusal
from tests.adapters.corpus import MOST, WANTED, head, soap, told

S11 = "http://schemas.xmlsoap.org/soap/envelope/"
XML = ((b"Content-Type", b"text/xml"),)


async def ask(adapter: SoapAdapter, body: str, *lines: tuple[bytes, bytes], header: str = "") -> str:
    """Classify an envelope around `body`."""
    text = f'<e:Envelope xmlns:e="{S11}">{header}<e:Body>{body}</e:Body></e:Envelope>'
    return told(await adapter.classify(head("POST", "/t", (*XML, *lines)), "", Dialect.SOAP11, text.encode()))


@pytest.mark.parametrize(
    ("name", "policy", "safe", "known", "allowed"),
    [
        ("ClearCart", "deny", False, True, False),
        ("GetSeats", "deny", False, True, False),
        ("GetSeats", "deny", True, False, True),
        ("ClearCart", "deny", True, True, True),
        ("GetSeats", "safe", False, True, True),
        ("GetSeats", "safe", False, False, False),
        ("Getaway", "safe", False, True, False),
        ("Get", "safe", False, True, True),
        ("IssueTickets", "safe", False, True, False),
        ("IsOnSale", "safe", False, True, True),
        ("ClearCart", "safe", False, True, False),
        ("ClearCart", "safe", True, True, True),
        ("ClearCart", "allow", False, False, True),
    ],
)
def test_get_runs_what_the_policy_lets_it(name, policy, safe, known, allowed):
    """By default only what is marked safe; `safe` adds known questions; `allow` everything."""
    refused = asmx.may_get(name, policy, safe=safe, known=known)
    assert (refused is None) is allowed
    if refused is not None:
        assert (refused.state, refused.reason) == ("operation_denied", "asmx_get")


async def test_the_policy_binds_get_and_not_post():
    """A POST takes intent, as SOAP does; the same operation by GET is refused."""
    form = ((b"Content-Type", b"application/x-www-form-urlencoded"),)
    posted = await soap().classify(head("POST", "/t/ClearCart", form), "/ClearCart", Dialect.ASMX, b"SessionKey=1")
    got = await soap().classify(head("GET", "/t/ClearCart?SessionKey=1", ()), "/ClearCart", Dialect.ASMX, b"")
    assert (told(posted), told(got)) == ("ClearCart as asmx", "refused operation_denied/asmx_get")


async def test_a_path_is_case_sensitive_as_the_server_is():
    """`/getseats` is another name: it gets no operation's privileges, and a strict backend refuses it."""
    made = head("GET", "/t/getseats", ())
    assert told(await soap(known=True).classify(made, "/getseats", Dialect.ASMX, b"")).endswith("asmx_get")
    strict = soap(known=True, strict=True, asmx_get="allow")
    assert told(await strict.classify(made, "/getseats", Dialect.ASMX, b"")).endswith("strict")


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ("", {}),
        ("sSessionKey=a%20b%2B", {"sSessionKey": "a b+"}),
        ("%73SessionKey=x", {"sSessionKey": "x"}),
        ("sSessionKey", {"sSessionKey": ""}),
        ("sSessionKey=" + "x" * 5_000, {}),
        ("a=1&b=2&A=3", "invalid_params"),
        ("&&", "invalid_params"),
        ("x" * 20_000 + "=1", "too_large"),
        ("&".join(f"p{n}" for n in range(1_001)), "too_large"),
    ],
)
def test_query_parameters_are_read_as_the_server_reads_them(query, outcome):
    """Decoded once, names without regard to case, wanted values of bearable length only, bounded in number and size."""
    read = asmx.parameters(query, b"", WANTED)
    assert (read.state if isinstance(read, Refusal) else read) == outcome


def test_a_duplicate_parameter_is_pointed_at():
    """The pointer is a JSON pointer, whatever the name holds (RFC 6901)."""
    read = asmx.parameters("a/b=1&a/b=2", b"", WANTED)
    assert isinstance(read, Refusal)
    assert read.errors == (("/a~1b", "duplicate", "a/b is given more than once"),)


async def test_the_canonical_action_is_the_wsdls_even_where_it_is_empty():
    """An action that nobody knows is replaced by what the contract says for this operation."""
    text = wsdl("http://backend.example/box.asmx", single=True)
    empty = index_one(text.replace(b'soapAction="http://boxoffice.example/api/HelloWorld"', b'soapAction=""'))
    body = '<HelloWorld xmlns="http://boxoffice.example/api/"/>'
    assert (
        await ask(SoapAdapter(lambda: empty), body, (b"SOAPAction", b"whatever")) == "HelloWorld as soap11; action ''"
    )


async def test_an_action_that_many_operations_share_agrees_with_each():
    """Magento has one action for all 148 operations, VMware one for 615."""
    text = wsdl("http://backend.example/box.asmx", single=True).replace(
        b'/api/ClearCart" style', b'/api/HelloWorld" style'
    )
    shared = SoapAdapter(lambda: index_one(text))
    action = (b"SOAPAction", b'"http://boxoffice.example/api/HelloWorld"')
    space = 'xmlns="http://boxoffice.example/api/"'
    assert (await ask(shared, f"<ClearCart {space}/>", action)).startswith("ClearCart as soap11")
    assert (await ask(shared, f"<HelloWorld {space}/>", action)).startswith("HelloWorld as soap11")
    assert await ask(shared, f"<GetSeats {space}/>", action) == "refused action_mismatch"


async def test_the_same_name_in_another_namespace_is_another_operation():
    """A WSDL's operation is its element's whole name; a stranger gets no canonical action."""
    assert await ask(soap(known=True), '<HelloWorld xmlns="urn:other"/>') == "HelloWorld as soap11"
    assert (
        await ask(soap(known=True, strict=True), '<HelloWorld xmlns="urn:other"/>') == "refused operation_denied/strict"
    )


async def test_a_parameter_that_says_nothing_certain_is_not_kept():
    """Twice, with elements inside, or only a reference: a rule must not compare with it."""
    said = "<iPerformanceNumber>1</iPerformanceNumber>"
    assert await ask(soap(), f"<A>{said}</A>") == "A as soap11; values {'iPerformanceNumber': '1'}"
    assert await ask(soap(), f"<A>{said}{said}</A>") == "A as soap11"
    assert await ask(soap(), "<A><iPerformanceNumber><x/>1</iPerformanceNumber></A>") == "A as soap11"
    assert await ask(soap(), '<A><iPerformanceNumber href="#a"/></A>') == "A as soap11; private"
    assert await ask(soap(), f"<A><B>{said}</B></A>") == "A as soap11"


async def test_a_batch_of_as_many_as_may_be_is_taken_and_one_more_is_not():
    """The bound counts calls, not names."""
    one = "<r><Operation>GetSeats</Operation></r>"
    assert await ask(soap(), f"<Batch>{one * MOST}</Batch>") == "Batch as soap11; runs GetSeats"
    assert await ask(soap(), f"<Batch>{one * (MOST + 1)}</Batch>") == "refused too_large"


@pytest.mark.parametrize(
    ("inside", "names"),
    [
        ('<r operation="ClearCart"/>', "ClearCart"),
        ("<r><OperationName> ClearCart </OperationName></r>", "ClearCart"),
        ("<c><methodName>ClearCart</methodName></c><c><Operation>GetSeats</Operation></c>", "ClearCart GetSeats"),
        ("<l><ClearCart><a>1</a></ClearCart><GetSeats/></l>", "ClearCart GetSeats"),
    ],
)
async def test_the_members_of_a_batch_are_found_however_it_names_them(inside, names):
    """By text, by attribute, by element: a name that is not seen would escape `deny:`."""
    assert await ask(soap(), f"<Batch>{inside}</Batch>") == f"Batch as soap11; runs {names}"


@pytest.mark.parametrize(
    ("body", "header"),
    [
        ("<A/>" * 1_001, ""),
        ("<A/>" + '<m id="1"/>' * 1_000, ""),
        ("<A/>", "<e:Header>" + '<a:To xmlns:a="http://www.w3.org/2005/08/addressing"/>' * 1_001 + "</e:Header>"),
        ("<Batch>" + "<b/>" * 2_001 + "</Batch>", ""),
    ],
    ids=["bodies", "multirefs", "headers", "batch"],
)
async def test_only_so_many_elements_are_looked_at(body, header):
    """Each costs a third of a microsecond and more on the loop, and the parser lets 65 000 through."""
    assert await ask(soap(), body, header=header) == "refused malformed/elements"


async def test_as_many_elements_as_may_be_are_looked_at():
    """The values of a large rpc/encoded call, and an operation with any number of parameters; what is large is nobody else's."""
    assert await ask(soap(), "<A/>" + '<m id="1"/>' * 999) == "A as soap11"
    assert (
        await ask(soap(), "<A>" + "<b/>" * 60_000 + "<count>1</count></A>")
        == "A as soap11; values {'count': '1'}; private"
    )


async def test_a_strict_backend_refuses_strangers_by_every_way_in():
    """By path, by an action alone, inside a Batch."""
    strict = soap(known=True, strict=True)
    made = head("POST", "/t/Nobody", ((b"Content-Type", b"application/x-www-form-urlencoded"),))
    assert told(await strict.classify(made, "/Nobody", Dialect.ASMX, b"")) == "refused operation_denied/strict"
    assert await ask(strict, "", (b"SOAPAction", b"urn:x/Nobody")) == "refused operation_denied/strict"
    batch = '<Batch xmlns="http://boxoffice.example/api/"><Operation>{}</Operation></Batch>'
    assert await ask(strict, batch.format("Nobody")) == "refused operation_denied/strict"
    assert (await ask(strict, batch.format("GetSeats"))).startswith("Batch as soap11; runs GetSeats")


async def test_more_calls_than_may_be_are_counted_as_elements_too():
    """A Batch whose calls are elements is bounded like one that names them."""
    assert await ask(soap(), "<Batch>" + "<GetSeats/>" * (MOST + 1) + "</Batch>") == "refused too_large"


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('<e:Header><k:CallKey xmlns:k="urn:k">a1</k:CallKey></e:Header>', "a1"),
        ('<e:Header><k:CallKey xmlns:k="urn:k">a1</k:CallKey><CallKey>a2</CallKey></e:Header>', None),
        ('<e:Header><k:CallKey xmlns:k="urn:k"><a/></k:CallKey></e:Header>', None),
        ("<e:Header><Other>a1</Other></e:Header>", None),
        ("", None),
    ],
)
async def test_a_header_block_that_is_asked_for(header, key):
    """Its text stands among the call's values under a name that no parameter has; twice, or with markup, it says nothing."""
    adapter = SoapAdapter(wanted=frozenset(("header CallKey",)))
    text = f'<e:Envelope xmlns:e="{S11}">{header}<e:Body><Buy><CallKey>p</CallKey></Buy></e:Body></e:Envelope>'
    read = await adapter.classify(head("POST", "/t", XML), "", Dialect.SOAP11, text.encode())
    assert read.parameters == ({} if key is None else {"header CallKey": key})
