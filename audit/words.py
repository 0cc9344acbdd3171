"""Acts in the reader's words. The act's own name stands beside them; this is for reading aloud."""

from __future__ import annotations

from audit.actions import Action
from audit.codes import words_for_code

__all__ = ["ending", "state", "without_actor", "words_for", "words_for_code"]

_WORDS = {
    Action.ACCESS_ROWS_INTENT: "Rows read",
    Action.ACCESS_ROWS_OUTCOME: "Reading ended",
    Action.ACCESS_ROWS_REFUSE: "Rows refused",
    Action.DATASET_ENGINE_ORDER: "Engine that answers for a dataset chosen",
    Action.DISCLOSURE_ACCOUNT_ASK: "Disclosures about a person asked for",
    Action.DISCLOSURE_ACCOUNT_EXPORT: "Disclosures about a person exported",
    Action.DISCLOSURE_ACCOUNT_READ: "Disclosures about a person read",
    Action.DISCLOSURE_LETTER_WRITE: "Letter of disclosures written",
    Action.LOG_ENTRIES_EXPORT: "Log exported",
    Action.LOG_ENTRIES_READ: "Log read",
    Action.LOG_ENTRIES_STREAM: "Log streamed to another system",
    Action.LOG_KEY_ROTATE: "Log's key changed",
    Action.LOG_PERSONAL_DESTROY: "Keys of personal fields destroyed",
    Action.LOG_PERSONAL_OPEN: "Personal fields shown",
    Action.LOG_FINDING_REVIEW: "What stood out was reviewed",
    Action.LOG_RESTORE_ACCEPT: "Restore that lost entries accepted",
    Action.SESSION_END: "Signed out",
    Action.SESSION_REFUSE: "Sign-in refused",
    Action.SESSION_SIGN_IN: "Signed in",
    Action.SESSION_STEP_UP: "Proved identity again",
}


_BY_COMMAND = frozenset(
    {
        Action.CUT_VERSION_BUILD,
        Action.DATASET_ENGINE_ORDER,
        Action.DATASET_REGISTRATION_ADD,
        Action.DATASET_RUN_STOP,
        Action.DATASET_SUBJECT_NAME,
        Action.DATASET_VERSION_PUBLISH,
        Action.DEMO_STATE_LOAD,
        Action.LOG_ENTRIES_STREAM,
        Action.LOG_KEY_ROTATE,
        Action.LOG_RESTORE_ACCEPT,
        Action.PERSON_ROLE_END,
        Action.PERSON_ROLE_GIVE,
    }
)
"""What on the pages only a signed-in person can do: without one, it was done on the command line."""


def without_actor(action: str) -> str:
    """Who did an act that names no person."""
    return "the operator" if action in _BY_COMMAND else "nobody signed in"


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


def state(outcome: str, ended: str | None) -> str:
    """An entry's own outcome, which never changes, and after it what became of an intent."""
    if outcome != "intended":
        return outcome
    return f"intended; ended: {ended}" if ended else "intended; no outcome recorded"
