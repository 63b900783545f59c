"""What a failure says in a line of text, in the dialects that have little else: its sentence, and its facts in brackets.

Last on the caller's road, asked by SOAP's and XML-RPC's faults. It answers for any Facts and escapes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sidecar.ports import Facts


def sentence(facts: Facts) -> str:
    """Join title and detail, once where they are the same."""
    title, detail = facts.state.title, facts.detail
    return title if detail in ("", title) else f"{title}: {detail}"


def signed(facts: Facts) -> str:
    """Return the sentence and behind it what a program wants to know, for clients that see no header."""
    after = "" if facts.after_s is None else f" retry_after={facts.after_s}"
    signature = f"[state={facts.state.name}{after} executed={facts.executed.value} ref={facts.request_id}]"
    return f"{sentence(facts)} {signature}"
