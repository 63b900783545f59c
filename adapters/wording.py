"""What a failure says in a line of text, in the dialects that have little else: its sentence, and its facts in brackets.

Last on the caller's road, asked by SOAP's and XML-RPC's faults. It answers for any Facts and escapes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sidecar.ports import Facts


_PAUSED: Final = "paused"


def sentence(facts: Facts) -> str:
    """Join title and detail, once where they are the same. What an operator says to people comes first: these texts are what they read.

    Of a pause it says all there is; of anything else it is not the reason.
    """
    title, detail = facts.state.title, facts.detail
    reason = title if detail in ("", title) else f"{title}: {detail}"
    if facts.message is None:
        return reason
    return facts.message.text if facts.state.name == _PAUSED else f"{facts.message.text} ({reason})"


def language(facts: Facts) -> str:
    """Return the language that the sentence begins in, as a tag (RFC 5646)."""
    return "en" if facts.message is None else facts.message.lang


def signed(facts: Facts) -> str:
    """Return the sentence and behind it what a program wants to know, for clients that see no header."""
    after = "" if facts.after_s is None else f" retry_after={facts.after_s}"
    signature = f"[state={facts.state.name}{after} executed={facts.executed.value} ref={facts.request_id}]"
    return f"{sentence(facts)} {signature}"
