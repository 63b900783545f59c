"""The look at a plain envelope: what it takes, what it leaves to the parser, and that both say the same of what it takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap import plain
from adapters.soap.fault import SOAP11_NS
from adapters.xml import XmlRefused, parse
from tests.support.envelopes import NS

S = f'xmlns:s="{SOAP11_NS}"'
TAKEN = {
    ".NET": f'<?xml version="1.0" encoding="utf-8"?><s:Envelope {S} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    f'<s:Body><Op xmlns="{NS}"><a>1</a><b /></Op></s:Body></s:Envelope>'.replace("<b />", "<b/>"),
    "zeep": f"<?xml version='1.0' encoding='utf-8'?>\n<s:Envelope {S}><s:Body>"
    f'<ns0:Op xmlns:ns0="{NS}"><ns0:a>1</ns0:a></ns0:Op></s:Body></s:Envelope>',
    "PHP": f'<?xml version="1.0" encoding="UTF-8"?>\n<s:Envelope {S} xmlns:ns1="{NS}">'
    "<s:Body><ns1:Op><ns1:a>1</ns1:a></ns1:Op></s:Body></s:Envelope>\n",
    "by hand": f'<Envelope xmlns="{SOAP11_NS}">\r\n <Body>\r\n  <Op xmlns="{NS}"/>\r\n </Body>\r\n</Envelope>\r\n',
}
LEFT = {
    "header": f'<s:Envelope {S}><s:Header/><s:Body><Op xmlns="{NS}"/></s:Body></s:Envelope>',
    "attribute": f'<s:Envelope {S}><s:Body><Op xmlns="{NS}" id="1"/></s:Body></s:Envelope>',
    "entity": f'<s:Envelope {S}><s:Body><Op xmlns="{NS}"><a>R&amp;J</a></Op></s:Body></s:Envelope>',
    "nested": f'<s:Envelope {S}><s:Body><Op xmlns="{NS}"><a><b>1</b></a></Op></s:Body></s:Envelope>',
    "no ascii": f'<s:Envelope {S}><s:Body><Op xmlns="{NS}"><a>Zoë</a></Op></s:Body></s:Envelope>',
    "comment": f'<s:Envelope {S}><s:Body><!-- --><Op xmlns="{NS}"/></s:Body></s:Envelope>',
    "second operation": f'<s:Envelope {S}><s:Body><Op xmlns="{NS}"/><Op xmlns="{NS}"/></s:Body></s:Envelope>',
    "empty body": f"<s:Envelope {S}><s:Body></s:Body></s:Envelope>",
    "prefix unknown": f"<s:Envelope {S}><s:Body><x:Op/></s:Body></s:Envelope>",
    "declared twice": f'<s:Envelope {S} {S}><s:Body><Op xmlns="{NS}"/></s:Body></s:Envelope>',
    "other end": f'<s:Envelope {S}><s:Body><Op xmlns="{NS}"><a>1</b></Op></s:Body></s:Envelope>',
    "other prefix at the end": f'<s:Envelope {S} xmlns:t="{SOAP11_NS}"><s:Body><Op xmlns="{NS}"/></t:Body></s:Envelope>',
    "more behind": f'<s:Envelope {S}><s:Body><Op xmlns="{NS}"/></s:Body></s:Envelope><more/>',
    "odd declaration": f'<?xml encoding="utf-8"?><s:Envelope {S}><s:Body><Op xmlns="{NS}"/></s:Body></s:Envelope>',
    "reserved prefix": f'<s:Envelope {S}><s:Body><xml:Op xmlns:xml="{NS}"/></s:Body></s:Envelope>',
    "empty namespace of a prefix": f'<s:Envelope {S}><s:Body><x:Op xmlns:x=""/></s:Body></s:Envelope>',
    "end of CDATA": f'<s:Envelope {S}><s:Body><Op xmlns="{NS}"><a>]]></a></Op></s:Body></s:Envelope>',
    "long": f'<s:Envelope {S}><s:Body><Op xmlns="{NS}"><a>{"x" * plain.SIZE_BYTES}</a></Op></s:Body></s:Envelope>',
    "long names": f'<s:Envelope {S}><s:Body><{"x" * 3000} xmlns="{NS}"/></s:Body></s:Envelope>',
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN.keys())
def test_what_usual_clients_send_is_taken(text: str) -> None:
    """Root and operation come out in Clark notation."""
    assert plain.read(text.encode()) == (f"{{{SOAP11_NS}}}Envelope", f"{{{NS}}}Op")


@pytest.mark.parametrize("text", LEFT.values(), ids=LEFT.keys())
def test_everything_else_is_left_to_the_parser(text: str) -> None:
    """Well-formed or not: who cannot see all of a document says nothing of it."""
    assert plain.read(text.encode()) is None


WORDS = st.sampled_from(
    (
        *(
            "s:",
            "t:",
            "Envelope",
            "Body",
            "Op",
            "a",
            "1",
            " ",
            "\n",
            "<",
            ">",
            "</",
            "/>",
            "&amp;",
            "]",
            "]]>",
            "\x00",
            "é",
        ),
        *(
            "xml:",
            S,
            'xmlns="urn:x"',
            'xmlns:t="urn:y"',
            'xmlns:t=""',
            'xmlns:s="urn:z"',
            'x="1"',
            "<!--",
            "-->",
            "<?x?>",
        ),
    )
)


@given(
    st.sampled_from(sorted(TAKEN.values())),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 12), WORDS), max_size=3),
)
def test_it_says_of_a_document_what_the_parser_says(text: str, edits: list[tuple[int, int, str]]) -> None:
    """Whatever is cut out of a plain envelope and put into it: what is still taken, the parser takes, with the same names."""
    for at, length, word in edits:
        text = text[:at] + word + text[at + length :]
    body = text.encode()
    names = plain.read(body)
    if names is None:
        return
    try:
        root = parse(body, charset=None)
    except XmlRefused as refused:
        assert refused.reason == "charset", "which is asked for separately"  # noqa: PT017 - the other reasons are the failure
        return
    assert (root.tag, [child.tag for child in root]) == (names.root, [names.root.removesuffix("Envelope") + "Body"])
    assert [child.tag for child in root[0]] == [names.operation]
    assert not root.attrib
    assert not root[0].attrib
    assert not root[0][0].attrib
