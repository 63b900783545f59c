"""Overload in virtual time: backends with a knee, callers who wait for so long, a bounded line, and whoever sets the limit.

Nothing here sleeps or opens a socket; the same seed gives the same run everywhere. `python -m tests.sim` writes `report.md`.
"""
