"""Parameters of a question under the settings' rules: what is in the key, what is sent, and whose identity asks."""

from __future__ import annotations

import pytest

from adapters.soap.adapter import SoapAdapter
from sidecar.answers import Fold, Keying, Question, Shared
from tests.adapters.corpus import demo_index, head

API = "http://boxoffice.example/api/"
S11 = "http://schemas.xmlsoap.org/soap/envelope/"
KNOWN = SoapAdapter(demo_index, path="/box.asmx")
ALONE = SoapAdapter(path="/box.asmx")
KEY = "sSessionKey"


def ask(inside: str, keying: Keying, adapter: SoapAdapter = KNOWN) -> Question:
    """Ask for seats."""
    body = f'<s:Envelope xmlns:s="{S11}"><s:Body><GetSeats xmlns="{API}">{inside}</GetSeats></s:Body></s:Envelope>'
    found = adapter.question(head("POST", "/t", ((b"Content-Type", b"text/xml"),)), "", body.encode(), keying)
    assert isinstance(found, Question), found
    return found


def sent(question: Question) -> str:
    """Return what stands inside the operation of a request, with its names as they are."""
    inside = (
        question.request.body.decode()
        .partition("GetSeats xmlns:k0=")[2]
        .partition(">")[2]
        .partition("</k0:GetSeats>")[0]
    )
    return inside.replace("k0:", "")


def fold(*rules: Fold, name: str = "n") -> Keying:
    """Return the keying with these rules for one parameter."""
    return Keying(tuple((name, each) for each in rules))


@pytest.mark.parametrize(
    ("keying", "one", "other", "inside"),
    [
        (fold(Fold.IGNORE), "<m>1</m><n>2</n>", "<m>1</m>", "<m>1</m>"),
        (fold(Fold.IGNORE), "<n><x/></n><m>1</m><n/>", "<m>1</m>", "<m>1</m>"),
        (fold(Fold.LOWER), "<n>AbÉ</n>", "<n>aBé</n>", "<n>abé</n>"),
        (fold(Fold.INT), "<n> +007 </n>", "<n>7</n>", "<n>7</n>"),
        (fold(Fold.INT), '<n u="A">07</n>', '<n u="A">7</n>', '<n u="A">7</n>'),
        (fold(Fold.SET), "<n>2</n><m/><n>1</n>", "<n>1</n><m/><n>2</n>", "<n>1</n><m></m><n>2</n>"),
        (fold(Fold.SET), "<n><i>2</i><i>1</i></n>", "<n><i>1</i> <i>2</i></n>", "<n><i>1</i><i>2</i></n>"),
        (fold(Fold.SET, Fold.INT), "<n>02</n><n>1</n>", "<n>1</n><n>2</n>", "<n>1</n><n>2</n>"),
    ],
)
def test_what_a_rule_makes_equal(keying, one, other, inside):
    """Two spellings of a parameter are one question, and one request, which holds the folded value."""
    first, second = ask(one, keying), ask(other, keying)
    assert first == second
    assert sent(first) == inside
    assert ask(one, Keying()).digest != ask(other, Keying()).digest


@pytest.mark.parametrize(
    ("keying", "one", "other"),
    [
        (fold(Fold.LOWER), "<n>A</n>", "<n>B</n>"),
        (fold(Fold.LOWER), "<m>A</m>", "<m>a</m>"),
        (fold(Fold.LOWER), "<n><i>A</i></n>", "<n><i>a</i></n>"),
        (fold(Fold.LOWER), '<n u="A">A</n>', '<n u="a">A</n>'),
        (fold(Fold.INT), "<n>7</n>", "<n>7.0</n>"),
        (fold(Fold.SET), "<n>1</n><n>1</n>", "<n>1</n>"),
        (fold(Fold.SET), "<n><i>1</i><j>2</j></n>", "<n><j>2</j><i>1</i></n>"),
        (fold(Fold.SET), "<n>1</n><m/>", "<m/><n>1</n>"),
        (fold(Fold.SET), "<n>x<i>1</i><i>2</i></n>", "<n>x<i>2</i><i>1</i></n>"),
        (fold(Fold.IGNORE), "<m><n>1</n></m>", "<m><n>2</n></m>"),
    ],
)
def test_what_a_rule_leaves_apart(keying, one, other):
    """A rule reaches the parameters of its name at the top, and no further than its word says."""
    assert ask(one, keying).digest != ask(other, keying).digest


SEATS = "<sSessionKey>{}</sSessionKey><iPerformanceNumber>7</iPerformanceNumber>"
REST = "<iPerformanceNumber>7</iPerformanceNumber>"


@pytest.mark.parametrize("shared", [None, Shared.OPEN])
def test_an_identity_is_in_the_key(shared):
    """Unless an operation is shared, whoever asks with another identity asks another question."""
    keying = Keying((), (KEY,), shared)
    assert ask(SEATS.format("A"), keying).digest != ask(SEATS.format("B"), keying).digest
    assert ask(SEATS.format("A"), keying).parameters[KEY] == "A"


@pytest.mark.parametrize("shared", [None, *Shared])
def test_who_shows_an_identity(shared):
    """An identity is shown where one of its parameters is there and not empty, however the question is asked."""
    keying = Keying((), (KEY, "other"), shared)
    assert ask(SEATS.format("A"), keying).identified
    assert not ask(SEATS.format(""), keying).identified
    assert not ask(REST, keying).identified
    assert ask(f"{REST}<other><a/></other>", keying).identified
    assert not ask(SEATS.format("A"), Keying()).identified


def test_a_dropped_identity_is_nowhere():
    """DROP: all ask one question, in which nobody's identity stands."""
    keying = Keying((), (KEY,), Shared.DROP)
    assert ask(SEATS.format("A"), keying)._replace(identified=False) == ask(REST, keying)
    assert sent(ask(SEATS.format("A"), keying)) == REST
    assert KEY not in ask(SEATS.format("A"), keying).parameters


def test_the_leader_s_identity_is_sent():
    """LEADER: all ask one question, each with his own identity if it is he who asks; the rest of the request is one."""
    keying = Keying((), (KEY,), Shared.LEADER)
    one, other = ask(SEATS.format("A"), keying), ask(SEATS.format("B"), keying)
    assert one.digest == other.digest == ask(REST, keying).digest
    assert sent(one) == SEATS.format("A")
    assert one.request.body.replace(b">A<", b">B<") == other.request.body
    assert KEY not in one.parameters


@pytest.mark.parametrize("adapter", [KNOWN, ALONE])
def test_a_service_s_identity_is_sent(adapter):
    """AS: all ask one question with the identity of the settings, which no digest shows."""
    keying = Keying((), (KEY,), Shared.AS, ((KEY, "S<1>"),))
    one, other = ask(SEATS.format("A"), keying, adapter), ask(SEATS.format(""), keying, adapter)
    assert one._replace(identified=False) == other
    assert sent(one) == SEATS.format("S&lt;1&gt;")
    assert one.digest == ask(SEATS.format("A"), Keying((), (KEY,), Shared.AS, ((KEY, "other"),)), adapter).digest
    assert KEY not in one.parameters
    assert "S<1>" not in repr(keying)


def test_a_service_s_identity_is_added_where_the_contract_has_it():
    """AS: whoever leaves the identity out asks the same, as it is put where the schema has it; without a contract it is not."""
    keying = Keying(
        (), (KEY, "sWebSessionID"), Shared.AS, ((KEY, "S"), ("Authorization", "secret"), ("sWebSessionID", "T"))
    )
    assert ask(REST, keying) == ask(SEATS.format(""), keying)
    assert sent(ask(REST, keying)) == SEATS.format("S")
    assert sent(ask(f"<cSummaryOnly>78</cSummaryOnly>{REST}", keying)).startswith("<sSessionKey>S</sSessionKey>")
    assert sent(ask(REST, keying, ALONE)) == REST


def test_other_identities_go():
    """AS: an identity that the settings have no value for is left out, and so are all repetitions of one."""
    keying = Keying((), (KEY, "other"), Shared.AS, ((KEY, "S"),))
    twice = f"<other>B</other>{SEATS.format('A')}<sSessionKey>C</sSessionKey>"
    assert ask(twice, keying) == ask(SEATS.format("A"), keying)
    tree = ask(SEATS.format("<a>A</a>"), keying)
    assert sent(tree) == SEATS.format("S")


def test_attributes_of_a_replaced_identity_stay():
    """AS: only the value is somebody else's; a type that stands beside it is part of the question."""
    keying = Keying((), (KEY,), Shared.AS, ((KEY, "S"),))
    typed = ask('<sSessionKey kind="1">A</sSessionKey>', keying)
    assert sent(typed) == '<sSessionKey kind="1">S</sSessionKey>'
    assert typed.digest != ask("<sSessionKey>A</sSessionKey>", keying).digest


def test_simple_parameters_are_shown():
    """Tags and rules see the folded values of simple parameters that stand once."""
    keying = Keying((("n", Fold.INT), ("gone", Fold.IGNORE)))
    found = ask("<n>07</n><m> x </m><two>1</two><two>2</two><tree><a/></tree><gone>1</gone><empty/>", keying)
    assert dict(found.parameters) == {"n": "7", "m": " x ", "empty": ""}
