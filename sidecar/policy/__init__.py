"""Policies: synchronous, pure, usable alone. They decide; stages do. No clock, loop, chance, log, socket or store."""
