"""Broken configurations from the files in `broken/`, written by hand: title, what must be said, then the settings.

    === title
    [FILE:]LINE:COLUMN CODE words that the message, the line or the remedy must have   (one line for each problem, and none may be missing)
    set KEY=VALUE                                                                      (a flag)
    ~~~
    the settings file
    ~~~ NAME
    a file beside it

`canary` is a secret wherever it stands. `<U+00A0>` is that character, and a file that is called WSDL is a small one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "broken"
CANARY = "canary"
ENV = {"WORD": "a-word-from-the-environment", "CANARY": CANARY}
WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" xmlns:s="http://www.w3.org/2001/XMLSchema"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:t">
 <types><s:schema targetNamespace="urn:t" elementFormDefault="qualified"><s:element name="GetSeats"><s:complexType><s:sequence>
  <s:element name="iPerformance" type="s:int"/></s:sequence></s:complexType></s:element>
  <s:element name="GetSeatsResponse"><s:complexType><s:sequence><s:element name="GetSeatsResult" type="s:int"/></s:sequence>
  </s:complexType></s:element></s:schema></types>
 <message name="In"><part name="parameters" element="t:GetSeats"/></message>
 <message name="Out"><part name="parameters" element="t:GetSeatsResponse"/></message>
 <portType name="P"><operation name="GetSeats"><input message="t:In"/><output message="t:Out"/></operation></portType>
 <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/><operation name="GetSeats">
  <soap:operation soapAction="urn:t/GetSeats"/><input><soap:body use="literal"/></input><output><soap:body use="literal"/></output>
 </operation></binding>
 <service name="S"><port name="P" binding="t:B"><soap:address location="http://h/x"/></port></service>
</definitions>"""

_EXPECTED = re.compile(r"(?:(?P<file>\S+):)?(?P<line>\d+):(?P<column>\d+) (?P<code>E\d{3}) (?P<words>.+)")


@dataclass(frozen=True)
class Expected:
    """One problem that must be told; `file` is "" for the settings file itself."""

    file: str
    line: int
    column: int
    code: str
    words: str


@dataclass(frozen=True)
class Case:
    """One broken configuration."""

    title: str
    expected: tuple[Expected, ...]
    flags: tuple[str, ...]
    files: dict[str, str]

    def write(self, folder: Path) -> Path:
        """Write its files into `folder` and return the settings file."""
        for name, text in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return folder / "sidecar.yaml"


def cases() -> list[Case]:
    """Return all of them, in the order of the files."""
    texts = [path.read_text("utf-8") for path in sorted(FOLDER.glob("*.txt"))]
    return [_case(block) for text in texts for block in re.split(r"^=== ", text, flags=re.MULTILINE)[1:]]


def _case(block: str) -> Case:
    head, *parts = re.split(r"^~~~(.*)\n?", block, flags=re.MULTILINE)
    title, *said = head.splitlines()
    expected, flags = [], []
    for line in said:
        if line.startswith("set "):
            flags.append(line.removeprefix("set "))
            continue
        match = _EXPECTED.fullmatch(line)
        assert match is not None, f"{title}: cannot read {line!r}"
        expected.append(
            Expected(match["file"] or "", int(match["line"]), int(match["column"]), match["code"], match["words"])
        )
    files = {name.strip() or "sidecar.yaml": _content(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}
    return Case(title, tuple(expected), tuple(flags), files)


def _content(text: str) -> str:
    if text == "WSDL\n":
        return WSDL
    return re.sub(r"<U\+([0-9A-F]{4})>", lambda found: chr(int(found[1], 16)), text)
