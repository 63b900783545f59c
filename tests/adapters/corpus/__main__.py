"""Writes the golden files anew."""

from tests.adapters.corpus import write

write()
