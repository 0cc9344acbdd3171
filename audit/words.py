"""Acts in the reader's words. The act's own name stands beside them; this is for reading aloud."""

from __future__ import annotations

from audit.actions import Action

_WORDS = {
    Action.ACCESS_ROWS_INTENT: "Rows read",
    Action.ACCESS_ROWS_OUTCOME: "Reading ended",
    Action.ACCESS_ROWS_REFUSE: "Rows refused",
    Action.LOG_ENTRIES_EXPORT: "Log exported",
    Action.LOG_ENTRIES_READ: "Log read",
    Action.SESSION_END: "Signed out",
    Action.SESSION_REFUSE: "Sign-in refused",
    Action.SESSION_SIGN_IN: "Signed in",
    Action.SESSION_STEP_UP: "Proved identity again",
}


def words_for(action: str) -> str:
    """A short phrase for an act: "agreement:version:sign" is "Agreement version: sign"."""
    if action in _WORDS:
        return _WORDS[Action(action)]
    resource, _, rest = action.partition(":")
    part, _, verb = rest.partition(":")
    return f"{resource.capitalize()} {part}: {verb.replace('-', ' ')}" if verb else action


def ending(outcome: str, ended: str | None) -> str:
    """How an entry came out: an intent by its outcome, or that none was recorded."""
    if outcome == "intended":
        return ended or "no outcome recorded"
    return outcome
