"""The names that lxml has read: each thread keeps every distinct one in a dictionary (libxml2's dict.c), for good unless it is begun anew.

Stands under `xml`, the one parser. Real clients use a few hundred names; whoever invents them would grow the process by some sixty bytes
for each. lxml has no word for "begin anew", but looks its dictionary up in the interpreter's own state of the thread, at the beginning of
each document (parser.pxi, `_findThreadParserContext`): what is not there is made. Documents hold their dictionary by themselves.
"""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

# Names fill no more than twice the bytes that they came in; to begin anew costs 3 µs, and four thousand usual calls come to this.
KEPT_BYTES: Final = 4 * 1024 * 1024
_ENTRY: Final = "_ParserDictionaryContext"
_GET: Final = ctypes.pythonapi.PyThreadState_GetDict
_GET.restype = ctypes.c_void_p  # a borrowed reference; as a py_object it would be taken for one of ours, and given up


class Dictionary(threading.local):
    """One thread's dictionary, and the parser that it uses again and again, which holds on to it."""

    def __init__(self, make: Callable[[], etree.XMLParser]) -> None:
        self._make = make
        self._usual: etree.XMLParser | None = None
        self._left_bytes = KEPT_BYTES

    @property
    def usual(self) -> etree.XMLParser:
        """One parser for all small documents: to make one costs as much as to parse one. lxml starts it anew each time."""
        if self._usual is None:
            self._usual = self._make()
        return self._usual

    def reads(self, size_bytes: int) -> None:
        """Count a document that is about to be read; begin anew where enough have been."""
        self._left_bytes -= size_bytes
        if self._left_bytes < 0:
            self._left_bytes = KEPT_BYTES
            self._usual = None
            _state_of_thread().pop(_ENTRY, None)


class Apart:
    """A dictionary for one document that is read in pieces: it must end with the one that it began with, whatever is read between.

    A context manager around each piece, in one thread.
    """

    def __init__(self) -> None:
        self._own: object | None = None
        self._others: object | None = None

    def __enter__(self) -> None:
        state = _state_of_thread()
        self._others = state.pop(_ENTRY, None)
        if self._own is not None:
            state[_ENTRY] = self._own

    def __exit__(self, *_error: object) -> None:
        state = _state_of_thread()
        self._own = state.pop(_ENTRY, None)
        if self._others is not None:
            state[_ENTRY] = self._others


def _state_of_thread() -> dict[str, object]:
    state: dict[str, object] = ctypes.cast(_GET(), ctypes.py_object).value
    return state
