"""Names of the file against names of the WSDL. What reads the WSDL is a function; here it is a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.load import Beside, load_all, load_text
from sidecar.settings.names import Contract, NoContractError
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.settings.problem import Problem

OFFERED = Contract(
    {
        "GetPerformances": frozenset({"sSessionKey"}),
        "ReserveTickets": frozenset({"sSessionKey", "iNumberOfSeats"}),
        "DestroyCache": None,
    },
    {
        "GetPerformances": None,
        "ReserveTickets": frozenset({"Envelope", "Body", "ReserveTicketsResponse", "ReserveTicketsResult"}),
    },
)


def told(folder: Path, rest: str, contract: Contract | None = OFFERED, head: str = "") -> list[tuple[str, str]]:
    (folder / "a.wsdl").touch()
    source = f"backends: {{t: {{protocol: soap, url: http://h/x, wsdl: a.wsdl, {head}{rest}}}}}"
    problems: tuple[Problem, ...] = ()
    try:
        load_text(source, "x.yaml", folder, {}, lambda file: contract if file == folder / "a.wsdl" else None)
    except SettingsError as error:
        problems = error.problems
    assert {problem.code for problem in problems} <= {"E309"}
    return [(problem.key.removeprefix("backends.t."), problem.what) for problem in problems]


@pytest.mark.parametrize(
    "rest",
    [
        "operations: {GetPerformances: {}, 'Get*': {}, '*': {}, '**Ticke?s': {}}",
        "deny: [DestroyCache, destroycache, '*cache', '*']",
        "expose: ['Get*']",
        "inject: [{operation: 'Get*', reset: true, for: 1m}, {operation: '*', truncate: true, for: 1m}]",
        "results: [{operation: 'Re*', when: {path: ReserveTicketsResult, lt: {param: iNumberOfSeats}}, state: partial}]",
        "results: [{operation: '*', when: {path: x, lt: {param: anything}}, state: partial}]",  # one of them is not known
        "results: [{operation: GetPerformances, when: {path: anything, eq: 1}, state: partial}]",  # its reply is open
        "results: [{operation: 'Res*', when: {path: Body.ReserveTicketsResult, eq: 1}, state: partial}]",
    ],
)
def test_names_that_are_there(tmp_path: Path, rest: str) -> None:
    """Exact or by pattern; `deny` does not look at case, and where parameters are not known nothing is said of them."""
    assert told(tmp_path, rest) == []


@pytest.mark.parametrize(
    ("rest", "key", "what"),
    [
        (
            "operations: {GetPerformance: {}}",
            "operations.GetPerformance",
            "no operation 'GetPerformance', did you mean GetPerformances?",
        ),
        ("operations: {getperformances: {}}", "operations.getperformances", "no operation"),
        ("operations: {'Put*': {}}", "operations.Put*", "no operation 'Put*'"),
        ("deny: [DestroyCaches]", "deny[0]", "did you mean DestroyCache?"),
        ("expose: [Nothing]", "expose[0]", "no operation 'Nothing'"),
        (
            "results: [{operation: Reserve, when: {path: x, eq: 1}, state: partial}]",
            "results[0].operation",
            "no operation 'Reserve'",
        ),
        (
            "results: [{operation: 'Re*', when: {path: ReserveTicketsResult, lt: {param: NumberOfSeats}}, state: partial}]",
            "results[0].when.lt.param",
            "no parameter 'NumberOfSeats', did you mean iNumberOfSeats?",
        ),
        (
            "results: [{operation: 'Re*', when: {path: ReserveTicketResults, eq: 0}, state: partial}]",
            "results[0].when.path",
            "no reply of 'Re*' has an element 'ReserveTicketResults', did you mean ReserveTicketsResult?",
        ),
        (
            "results: [{operation: 'Re*', when: {path: Boddy.ReserveTicketsResult, eq: 0}, state: partial}]",
            "results[0].when.path",
            "an element 'Boddy', did you mean Body?",
        ),
    ],
)
def test_names_that_are_not(tmp_path: Path, rest: str, key: str, what: str) -> None:
    """A misspelt deny denies nothing; each is told with its place and the nearest name."""
    ((where, said),) = told(tmp_path, rest)
    assert where == key
    assert what in said


@pytest.mark.parametrize(
    ("rest", "key", "name"),
    [
        (
            "ReserveTickets: {safe: true, cache: {ttl: 1s, params: {iNumberOfSeat: int}}}",
            "cache.params.iNumberOfSeat",
            "iNumberOfSeat",
        ),
        ("ReserveTickets: {safe: true, cache: {ttl: 1s, tags: ['a:{iNumber}']}}", "cache.tags[0]", "iNumber"),
        ("ReserveTickets: {invalidates: [b, 'a:{sSessionKey}:{iNumber}']}", "invalidates[1]", "iNumber"),
        ("ReserveTickets: {idempotency: {key: {param: sReference}}}", "idempotency.key.param", "sReference"),
        (
            "ReserveTickets: {safe: true, cache: {ttl: 1s}, shared: {as: {sOther: '${X}'}}}",
            "shared.as.sOther",
            "sOther",
        ),
    ],
)
def test_parameters_of_what_is_kept(tmp_path: Path, rest: str, key: str, name: str) -> None:
    """In a key, in a tag, in an identity, in a key against a second purchase: each would be met in no call."""
    (tmp_path / "a.wsdl").touch()
    head = "identity: {params: [sSessionKey, sOther]}"
    (tmp_path / "x.yaml").write_text(
        f"backends: {{t: {{protocol: soap, url: http://h/x, wsdl: a.wsdl, {head}, operations: {{{rest}, '*': {{}}}}}}}}"
    )
    with pytest.raises(SettingsError) as caught:
        load_all(tmp_path / "x.yaml", Beside({"X": "x"}, contract_of=lambda _: OFFERED))
    (problem,) = caught.value.problems
    assert (problem.code, problem.key.removeprefix("backends.t.operations.ReserveTickets.")) == ("E309", key)
    assert f"'ReserveTickets' has no parameter '{name}'" in problem.what


def test_what_is_kept_with_names_that_are_there(tmp_path: Path) -> None:
    """A header that stands for an identity is in no WSDL."""
    assert (
        told(
            tmp_path,
            "identity: {params: [sSessionKey]}, operations: {ReserveTickets: {safe: true, cache: {ttl: 1s, params: {iNumberOfSeats: int},"
            " tags: ['a:{iNumberOfSeats}']}, shared: {as: {sSessionKey: x, Authorization: y}}}}",
        )
        == []
    )


def test_nothing_is_said_of_what_is_not_known(tmp_path: Path) -> None:
    """Where an import is missing, or one file speaks for several endpoints, a name may be right."""
    assert told(tmp_path, "deny: [Nothing]", contract=None) == []
    assert told(tmp_path, "deny: [Nothing]", head="endpoints: {a: a.asmx, b: b.asmx}, ") == []


def test_what_clients_show(tmp_path: Path) -> None:
    """A parameter of `identity` that no operation has tells nobody from anybody; where one's parameters are open, it may be there."""
    whole = Contract({name: names for name, names in OFFERED.operations.items() if names is not None})
    assert told(tmp_path, "identity: {params: [sSessionKey]}", whole) == []
    assert told(tmp_path, "identity: {params: [Nothing]}") == []
    assert told(tmp_path, "identity: {params: [sSessionKey, sSesionKey]}", whole) == [
        ("identity.params[1]", "no operation has a parameter 'sSesionKey', did you mean sSessionKey?")
    ]


def told_with(folder: Path, rest: str, **files: Contract) -> list[str]:
    """Return what is said with WSDLs from the command line: by backend, or as `backend__endpoint`."""
    for name in files:
        (folder / f"{name}.wsdl").touch()
    wsdls = {name.replace("__", "/").removeprefix("whole"): folder / f"{name}.wsdl" for name in files}
    beside = Beside({}, contract_of=lambda path: files[path.stem], wsdls=wsdls)
    (folder / "x.yaml").write_text(
        f"backends: {{t: {{protocol: soap, url: http://h/x, {rest}}}, m: {{protocol: xmlrpc, url: http://h/x}}}}"
    )
    try:
        load_all(folder / "x.yaml", beside)
    except SettingsError as error:
        return [f"{problem.key}: {problem.what}" for problem in error.problems]
    return []


OTHER = Contract({"GetReport": frozenset()})


def test_a_wsdl_from_the_command_line(tmp_path: Path) -> None:
    """In place of the one that the settings name, or of none; without a name it is for the only SOAP backend."""
    (tmp_path / "own.wsdl").touch()
    assert told_with(tmp_path, "deny: [DestroyCache]", t=OFFERED) == []
    for own in ("", "wsdl: own.wsdl, "):
        assert "GetReport" in told_with(tmp_path, own + "deny: [GetReprt]", t=OTHER)[0]
    assert "GetReport" in told_with(tmp_path, "deny: [GetReprt]", whole=OTHER)[0]


def test_several_endpoints(tmp_path: Path) -> None:
    """A name may be any endpoint's; where one of them is not known, nothing is said."""
    rest = "endpoints: {a: a.asmx, b: b.asmx}, deny: [GetReport, DestroyCache, Nothing]"
    assert told_with(tmp_path, rest, t__a=OFFERED) == []
    assert told_with(tmp_path, rest, t__a=OFFERED, t__b=OTHER) == [
        "backends.t.deny[2]: the WSDL has no operation 'Nothing'"
    ]
    assert len(told_with(tmp_path, rest, t=OTHER)) == 2, "somebody says that it speaks for all of them"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("u", "--wsdl u: there is no backend u"),
        ("m", "--wsdl m: m speaks xmlrpc, which has no WSDL"),
        ("t__c", "--wsdl t/c: t has no endpoint c"),
    ],
)
def test_a_wsdl_that_is_nobodys(tmp_path: Path, name: str, said: str) -> None:
    """A typing error there would compare nothing, and say that all is well."""
    (found,) = told_with(tmp_path, "endpoints: {a: a.asmx}", **{name: OFFERED})
    assert said in found


def test_whose_it_is_must_be_said(tmp_path: Path) -> None:
    """Where there are two."""
    (tmp_path / "a.wsdl").touch()
    (tmp_path / "x.yaml").write_text(
        "backends: {t: {protocol: soap, url: http://h/x}, u: {protocol: soap, url: http://h/x}}"
    )
    for wsdls, said in (
        ({"": tmp_path / "a.wsdl"}, "say whose it is, as in --wsdl tickets=tickets.wsdl"),
        ({"t": tmp_path / "absent.wsdl"}, "there is no file"),
    ):
        with pytest.raises(SettingsError, match=said):
            load_all(tmp_path / "x.yaml", Beside({}, contract_of=lambda _: OFFERED, wsdls=wsdls))


def test_what_came_out_of_the_environment_is_not_shown(tmp_path: Path) -> None:
    """Neither in a message nor in a guess."""
    (tmp_path / "a.wsdl").touch()
    (tmp_path / "x.yaml").write_text(
        "backends: {t: {protocol: soap, url: http://h/x, wsdl: a.wsdl, deny: ['${X}'],"
        " results: [{operation: '${Y}', when: {path: '${X}', eq: 1}, state: partial}]}}"
    )
    with pytest.raises(SettingsError) as caught:
        load_all(tmp_path / "x.yaml", Beside({"X": "hidden", "Y": "ReserveTickets"}, contract_of=lambda _: OFFERED))
    assert len(caught.value.problems) == 2
    assert "hidden" not in str(caught.value)
    assert "no reply of '${Y}' has an element '${X}'" in str(caught.value)


def test_a_file_that_is_no_wsdl(tmp_path: Path) -> None:
    """The reader's own words, at the key that names the file."""
    (tmp_path / "a.wsdl").touch()

    def refuses(file: Path) -> Contract:
        raise NoContractError(f"{file.name} is a poem")

    with pytest.raises(SettingsError, match=r"backends\.t\.wsdl: is no WSDL: a\.wsdl is a poem \[E310\]"):
        load_text("backends: {t: {protocol: soap, url: http://h/x, wsdl: a.wsdl}}", "x.yaml", tmp_path, {}, refuses)


ROOMS = "store: sqlite:s.db\nkeys: {file: k}\nbackends: {t: {protocol: soap, url: 'http://h/x', wsdl: a.wsdl}}\n"


@pytest.mark.parametrize(
    ("cover", "problems"),
    [
        ("operations: ['Reserve*'], where: {iNumberOfSeats: [1]}", []),
        ("operations: [DestroyCache], where: {anything: [1]}", []),  # nobody knows its parameters
        ("operations: [Reserve]", [("E309", "covers[0].operations[0]", "did you mean ReserveTickets?")]),
        ("where: {iNumberOfSeat: [1]}, operations: ['Res*', 'GetP*']",
         [("E309", "covers[0].where.iNumberOfSeat", "did you mean iNumberOfSeats?")]),
        ("where: {iNumberOfSeats: [1]}", [("W436", "covers[0].where.iNumberOfSeats", "GetPerformances has no such parameter")]),
    ],
)  # fmt: skip
def test_what_rooms_cover(tmp_path: Path, cover: str, problems: list[tuple[str, str, str]]) -> None:
    """A pattern that names nothing protects nothing; where only some have the parameter, the others wait whatever they are about."""
    (tmp_path / "a.wsdl").touch()
    (tmp_path / "a.yaml").write_text(
        f"{ROOMS}public_url: https://h\nrooms: {{a: {{covers: [{{backend: t, {cover}}}]}}}}\n"
    )
    found: tuple[Problem, ...] = ()
    try:
        found = load_all(tmp_path / "a.yaml", Beside({}, contract_of=lambda _: OFFERED)).warnings
    except SettingsError as error:
        found = error.problems
    assert [(each.code, each.key) for each in found] == [(code, f"rooms.a.{key}") for code, key, _ in problems]
    assert all(words in each.what for each, (_, _, words) in zip(found, problems, strict=True))
