"""What JSON costs: the codec beside zeep, the loop while large replies are read, a hit, and a vendor's whole contract at its first use."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import orjson

from bench.facade_served import hits, ready
from bench.process import ROOT, Failed, pinned
from bench.report import Line

if TYPE_CHECKING:
    from pathlib import Path

_LAG_S: Final = 10.0
_BOUNDS: Final = {"decode rows 60 KB": 6.0, "decode rows 600 KB": 6.0, "encode": 8.0}
