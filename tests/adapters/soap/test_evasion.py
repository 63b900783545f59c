"""Names that hide: whatever a backend may run by some reading of a request, the rules for that name apply to the whole."""

from __future__ import annotations

import pytest

from adapters.soap import asmx, envelope
from adapters.soap.adapter import SoapAdapter
from sidecar.model import Dialect, Refusal
from sidecar.ports import Classified
from tests.adapters.corpus import MOST, demo_index, head, soap, told

S11 = "http://schemas.xmlsoap.org/soap/envelope/"
HERE = "http://boxoffice.example/api/"
FORM = ((b"Content-Type", b"application/x-www-form-urlencoded"),)


async def ask(
    adapter: SoapAdapter, body: str, *lines: tuple[bytes, bytes], media: bytes = b"text/xml"
) -> Classified | Refusal:
    """Classify an envelope around `body`."""
    text = f'<e:Envelope xmlns:e="{S11}"><e:Body>{body}</e:Body></e:Envelope>'
    made = head("POST", "/t", ((b"Content-Type", media), *lines))
    return await adapter.classify(made, "", Dialect.SOAP11, text.encode())


async def members(
    adapter: SoapAdapter, body: str, *lines: tuple[bytes, bytes], media: bytes = b"text/xml"
) -> tuple[str, ...]:
    """Return the names whose rules apply to an envelope that is taken."""
    named = await ask(adapter, body, *lines, media=media)
    assert isinstance(named, Classified), named
    return named.members


async def by_path(
    adapter: SoapAdapter, query: str = "", form: bytes | None = None, name: str = "Batch"
) -> Classified | Refusal:
    """Call an operation below the endpoint's path, by GET where there is no form."""
    target = f"/t/{name}" + (f"?{query}" if query else "")
    made = head("GET" if form is None else "POST", target, () if form is None else FORM)
    return await adapter.classify(made, f"/{name}", Dialect.ASMX, form or b"")


@pytest.mark.parametrize(
    ("action", "names"),
    [
        ("http://x/DestroyCache", ("DestroyCache",)),
        ("http://x/DestroyCache/", ("DestroyCache",)),
        ("http://x/DestroyCache//", ("DestroyCache",)),
        ("http://x/DestroyCache#", ("DestroyCache",)),
        ("http://x/DestroyCache;v=1", ("DestroyCache", "v")),
        ("http://x/DestroyCache/;v", ("DestroyCache", "v")),
        ("http://x/DestroyCache?a=b/c", ("DestroyCache", "a", "c")),
        ("http://x/Foo?DestroyCache", ("DestroyCache",)),
        ("http://x/Foo?op=DestroyCache", ("op", "DestroyCache")),
        ("http://x/DestroyCache&1", ("DestroyCache",)),
        ("http://x/DestroyCache;/Foo", ("DestroyCache",)),
        ("http://x/DestroyCache?/Foo", ("DestroyCache",)),
        (r"http://x\DestroyCache", ("DestroyCache",)),
        ("http://x/Destroy%43ache", ("DestroyCache",)),
        ("http://x%2FDestroyCache", ("DestroyCache",)),
        ("'http://x/DestroyCache'", ("DestroyCache",)),
        ("urn:x#DestroyCache", ("DestroyCache",)),
        ("urn:x.DestroyCache", ("x.DestroyCache", "x", "DestroyCache")),
        ("DestroyCache.asmx", ("DestroyCache.asmx", "DestroyCache", "asmx")),
        ("http://x/Foo", ()),
        ("urn:x#Foo", ()),
        ("urn:com.example.Foo", ("com.example.Foo",)),
        ("http://x/1", ()),
        ("", ()),
    ],
)
def test_an_action_names_whatever_a_server_may_read_out_of_it(action, names):
    """Servers do not agree where a name ends; the body's own name, `Foo` here, is none besides it."""
    assert envelope.words(action, "Foo") == names


async def test_an_action_without_a_wsdl_adds_its_names_to_the_bodys():
    """So `deny` sees them: nobody but the backend knows which of the two it runs."""
    line = (b"SOAPAction", b'"http://x/Destroy%43ache/"')
    assert await members(SoapAdapter(), '<Foo xmlns="urn:x"/>', line) == ("Foo", "DestroyCache")
    assert await members(SoapAdapter(), "", line) == ("DestroyCache",)


@pytest.mark.parametrize("body", ["<Foo/>", ""])
async def test_an_action_of_more_names_than_any_has_is_refused(body):
    """Each name costs a look at the rules, and each character one at it."""
    for names, size, refused in ((16, 1_024, False), (17, 1_024, True), (16, 1_025, True)):
        action = b"&".join(b"a%d" % n for n in range(names)).ljust(size, b"&")
        said = told(await ask(SoapAdapter(), body, (b"SOAPAction", action)))
        assert (said == "refused malformed/operation") is refused


async def test_an_empty_body_is_held_against_every_name_of_its_action():
    """A strict backend takes an action alone where all that it may stand for is known."""
    line = (b"SOAPAction", b"http://x/GetSeats?Nobody")
    assert told(await ask(soap(), "", line)) == "GetSeats as soap11; runs GetSeats Nobody; private"
    assert told(await ask(soap(known=True, strict=True), "", line)) == "refused operation_denied/strict"


@pytest.mark.parametrize("line", [None, f"{HERE}HelloWorld", "http://x/DropTables"])
async def test_an_action_in_the_content_type_stays_where_it_is(line):
    """Only the SOAPAction line is replaced by the contract's; a parameter reaches the backend, so its name counts."""
    lines = () if line is None else ((b"SOAPAction", line.encode()),)
    body = f'<HelloWorld xmlns="{HERE}"/>'
    media = b'text/xml; action="http://x/DropTables"'
    named = await ask(soap(known=True), body, *lines, media=media)
    assert isinstance(named, Classified)
    assert (named.members, named.action) == (("HelloWorld", "DropTables"), f"{HERE}HelloWorld")


async def test_an_action_in_the_line_that_is_replaced_misleads_nobody():
    """Its name is not the backend's to see."""
    body = f'<HelloWorld xmlns="{HERE}"/>'
    assert await members(soap(known=True), body, (b"SOAPAction", b"http://x/DropTables")) == ("HelloWorld",)


async def test_strict_asks_for_patience_while_there_is_no_wsdl():
    """Nobody can say yet that an operation is not there: the answer is to come back, not never."""
    adapter = SoapAdapter(strict=True, is_declared=lambda name: name in ("Known", "Batch"))
    batch = "<Batch><r><Operation>GetSeats</Operation></r></Batch>"
    outcomes = [
        await ask(adapter, "<GetSeats/>"),
        await ask(adapter, "<GetSeats><a/><a><b/></a></GetSeats>"),  # read by the parser
        await ask(adapter, "", (b"SOAPAction", b"urn:x/GetSeats")),
        await ask(adapter, batch),
        await by_path(adapter, form=b"", name="GetSeats"),
    ]
    for refused in outcomes:
        assert isinstance(refused, Refusal)
        assert (refused.state, refused.reason, refused.retry_after_s) == ("backend_unreachable", None, 2)
        assert refused.detail == "the WSDL is not read yet, and this backend is strict"
    assert await members(adapter, "<Known/>") == ("Known",)


async def test_strict_says_never_once_the_wsdl_is_there():
    """The index may come at any time; from then on it decides."""
    shelf = [None]
    adapter = SoapAdapter(lambda: shelf[0], strict=True)
    first = await ask(adapter, "<Nobody/>")
    shelf[0] = demo_index()
    then = await ask(adapter, "<Nobody/>")
    assert [told(each) for each in (first, then)] == ["refused backend_unreachable", "refused operation_denied/strict"]


@pytest.mark.parametrize(
    "form",
    [
        b"Operation=DestroyCache",
        b"calls=<BatchRequest><Operation>DestroyCache</Operation></BatchRequest>",
        b"a=%26lt%3BOperation%26gt%3BDestroyCache",
        b"a=Operation%253DDestroy%2543ache",
        rb'a={"Operation":"\u0044estroyCache"}',
        b"a=%u0044estroyCache",
        b"a=&#68;estroyCache",
        b"DestroyCache=1",
        "a=DestroyCache".encode("utf-16-le"),
    ],
)
@pytest.mark.parametrize("known", [False, True])
async def test_a_batch_by_path_is_whatever_its_parameters_name(form, known):
    """Under any encoding that some server undoes; a WSDL does not hide an operation that it does not list."""
    named = await by_path(soap(known=known), form=form)
    assert isinstance(named, Classified)
    assert named.operation == "Batch"
    assert "DestroyCache" in named.members


async def test_a_batch_by_path_of_nothing_is_itself():
    """As in an envelope."""
    assert told(await by_path(soap(), form=b"")) == "Batch as asmx"


async def test_a_get_of_a_batch_may_run_what_get_may_run():
    """A link that names the operations is a link that runs them."""
    adapter = SoapAdapter(asmx_get="deny", is_safe=lambda name: name in ("Batch", "GetSeats"))
    assert told(await by_path(adapter, "GetSeats=1")) == "Batch as asmx; runs GetSeats"
    assert told(await by_path(adapter, "GetSeats=1&b=ClearCart")) == "refused operation_denied/asmx_get"


@pytest.mark.parametrize(
    ("form", "refused"),
    [
        (b"&".join(b"a%d" % n for n in range(MOST + 1)), "too_large"),
        (b"a=" + b"1" * 8_191, "too_large"),
        (b"a=%2525252543", "malformed/operation"),
        (b"a=Destroy<!-- -->Cache", "malformed/operation"),
        (b"a=<?x Destroy?>", "malformed/operation"),
    ],
)
async def test_a_batch_by_path_that_nobody_can_read_is_refused(form, refused):
    """Too long, too many names, wrapped too often, or cut where readers disagree."""
    assert told(await by_path(soap(), form=form)) == f"refused {refused}"


def test_a_batch_by_path_may_hold_as_many_words_as_calls():
    """The bound is the one for calls."""
    names = tuple(f"a{n}" for n in range(MOST))
    assert asmx.named_in("&".join(names), b"", MOST) == names


async def test_a_strict_backend_takes_a_batch_as_an_envelope_only():
    """By path nobody can tell an operation's name from any other word."""
    strict = SoapAdapter(demo_index, strict=True, is_declared=lambda name: name in ("Batch", "Operation"))
    assert told(await by_path(strict, form=b"Operation=GetSeats")) == "refused operation_denied/strict"
    assert told(await by_path(strict, form=b"")) == "Batch as asmx"
