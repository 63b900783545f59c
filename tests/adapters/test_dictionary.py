"""Names that lxml has read are forgotten again, in every thread and by every way to read a document."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from lxml import etree

from adapters import dictionary, xml

# Each has as many names as a request of a megabyte can bring, thirty times over: some 15 MB where they are kept.
GROWTH = """
import asyncio, sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from adapters import xml

numbers = count()

def invented(names):
    return b"<r>" + b"".join(b"<n%dabcdefghijklmnop/>" % next(numbers) for _ in range(names)) + b"</r>"

async def small():
    for _ in range(4500):
        xml.parse(invented(60), charset=None)

async def careful():
    for _ in range(540):
        xml.parse(invented(500), charset=None)

async def pieces():
    for _ in range(27):
        await asyncio.gather(*(xml.parse_in_pieces(invented(5000), charset=None) for _ in range(2)))

async def threads():
    for _ in range(27):
        await xml.parse_in_pieces(invented(10000).replace(b"<r>", b"<r><![CDATA[x]]>"), charset=None)

def rss_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

async def growth(way):  # one loop for all of it, with one thread beside it: each thread has a dictionary of its own
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    seen = []
    for _ in range(5):
        await way()
        seen.append(rss_bytes())
    # Memory rises and falls with every dictionary that ends: the lowest later on is held against the highest of the beginning.
    return min(seen[3:]) - max(seen[:3])

print(asyncio.run(growth(globals()[sys.argv[1]])))
"""


@pytest.mark.thinned(4)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc to read the memory from")
@pytest.mark.parametrize("way", ["small", "careful", "pieces", "threads"])
def test_a_quarter_of_a_million_invented_names_leave_nothing(way: str) -> None:
    """What they came in would stay for good, 14 MB of it, if the dictionary were never begun anew."""
    said = subprocess.run([sys.executable, "-c", GROWTH, way], capture_output=True, text=True, check=True, timeout=100)
    assert int(said.stdout) < 6 * 1024 * 1024


def test_a_tree_outlives_its_dictionary() -> None:
    """Trees that were read before a new beginning can be read, changed and freed after it."""
    numbers = count()
    kept = xml.parse(b"<old><of kind='x'/></old>", charset=None)
    for _ in range(3):
        large = b"<r>" + b"<a/>" * 10 + b"x" * 60_000 + b"</r>"
        for _ in range(dictionary.KEPT_BYTES // len(large) + 2):
            xml.parse(large, charset=None)
        new = xml.parse(b"<new><n%d/></new>" % next(numbers), charset=None)
        kept.append(new[0])
        etree.SubElement(kept, "added")
    del new
    gc.collect()
    assert [child.tag for child in kept] == ["of", "n0", "added", "n1", "added", "n2", "added"]
    assert etree.tostring(kept).startswith(b'<old><of kind="x"/><n0/>')


async def test_documents_in_pieces_keep_their_own_names_apart() -> None:
    """Documents that are read in turns, small ones between them, come out as if each had been read alone."""

    def document(name: str) -> bytes:
        return f"<{name}>{''.join(f'<{name}{number}>x</{name}{number}>' for number in range(4000))}</{name}>".encode()

    async def small() -> None:
        for number in range(2000):
            xml.parse(b"<s%d/>" % number + b" " * 4000, charset=None)
            if number % 20 == 0:
                await asyncio.sleep(0)

    names = [f"doc{number}" for number in range(6)]
    *trees, _ = await asyncio.gather(*(xml.parse_in_pieces(document(name), charset=None) for name in names), small())
    for name, tree in zip(names, trees, strict=True):
        assert tree is not None
        assert tree.tag == name
        assert [child.tag for child in tree] == [f"{name}{number}" for number in range(4000)]


async def test_a_document_that_breaks_off_leaves_the_others_theirs() -> None:
    """An error in one piece ends that document only."""
    broken = b"<r>" + b"<a></a>" * 20_000 + b"</b></r>"
    with pytest.raises(xml.XmlRefused):
        await xml.parse_in_pieces(broken, charset=None)
    assert xml.parse(b"<fine><child/></fine>", charset=None)[0].tag == "child"
