"""Values of header fields as structured fields have them (RFC 8941): words of ours, and names that people chose.

Asked by whoever writes such a header. It is total: what the form cannot hold becomes a question mark, and nothing ends a field early.
"""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")  # section 3.3.4
_NOT_PRINTABLE: Final = re.compile(r"[^ -~]")


def word(text: str) -> str:
    """Write a token where `text` is one, else a string."""
    return text if _TOKEN.fullmatch(text) else quoted(text)


def quoted(text: str) -> str:
    """Write a string (section 3.3.3)."""
    return '"' + _NOT_PRINTABLE.sub("?", text).replace("\\", "\\\\").replace('"', '\\"') + '"'
