"""`docs/permissions.md`, written by asking the program, so that what lawyers read cannot differ from what it does.

Write it anew with `python -m agreements.permissions > docs/permissions.md`; a test fails while the file differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from agreements.models import AgreementVersion, Capacity, Party, State
from agreements.transitions import (
    OPM,
    STATES_IN_WORDS,
    TABLE,
    Command,
    Transition,
    agencies_acted_for,
    may_press,
    who_in_words,
)
from exchange.directory.identity import Identity, RoleHeld
from exchange.directory.models import RoleKind
from exchange.hub.writing import rights

SOURCE, RECIPIENT, OTHER = "a-source-agency", "a-receiving-agency", "an-agency-outside"

PERSONAS: tuple[tuple[str, RoleHeld], ...] = (
    ("drafter", RoleHeld(RoleKind.DRAFTER, OPM, None)),
    ("Chief Data Officer", RoleHeld(RoleKind.CDO, None, None)),
    ("OPM’s counsel", RoleHeld(RoleKind.COUNSEL, OPM, None)),
    ("source’s data officer", RoleHeld(RoleKind.DATA_OFFICER, SOURCE, None)),
    ("source’s counsel", RoleHeld(RoleKind.COUNSEL, SOURCE, None)),
    ("source’s official", RoleHeld(RoleKind.OFFICIAL, SOURCE, None)),
    ("recipient’s data officer", RoleHeld(RoleKind.DATA_OFFICER, RECIPIENT, None)),
    ("recipient’s counsel", RoleHeld(RoleKind.COUNSEL, RECIPIENT, None)),
    ("recipient’s official", RoleHeld(RoleKind.OFFICIAL, RECIPIENT, None)),
    ("another agency’s data officer", RoleHeld(RoleKind.DATA_OFFICER, OTHER, None)),
    ("another agency’s counsel", RoleHeld(RoleKind.COUNSEL, OTHER, None)),
    ("another agency’s official", RoleHeld(RoleKind.OFFICIAL, OTHER, None)),
    ("source’s steward", RoleHeld(RoleKind.STEWARD, SOURCE, None)),
    ("working group’s member", RoleHeld(RoleKind.MEMBER, None, "a-group")),
    ("auditor", RoleHeld(RoleKind.AUDITOR, None, None)),
    ("administrator", RoleHeld(RoleKind.ADMINISTRATOR, None, None)),
)
"""One person for each role, with where it is held."""

TITLE = """# Who may do what to an agreement, in which state

<!-- Written by the program: `python -m agreements.permissions > docs/permissions.md`. Do not edit. -->

An agreement version moves by commands. This page is asked of the program, cell by cell; a test fails when it differs.
Laws and clocks behind the states: CGS 4-67n (memoranda; notice to be confirmed by counsel), 4-67aa (what some
agreements say, kept by all), 20 CFR 603.10(a) (suspension and termination), CGS 1-266 to 1-286
(electronic signatures, to be confirmed by counsel).
"""


def persona(held: RoleHeld) -> Identity:
    """A person with exactly this role."""
    return Identity("p", "p", "p", "", held.agency_id, frozenset({held}), datetime(2026, 1, 1, tzinfo=UTC), "")


def version_in(state: State) -> AgreementVersion:
    """A version in this state with a source, a recipient and OPM as parties; it is in no database."""
    parties = ((SOURCE, Capacity.SOURCE), (RECIPIENT, Capacity.RECIPIENT), (OPM, Capacity.OPM))
    return AgreementVersion(
        state=state.value, parties=[Party(agency_id=agency, capacity=capacity.value) for agency, capacity in parties]
    )


def page() -> str:
    """The whole page."""
    return "\n".join(
        (TITLE, "## Commands\n", *_commands(), "\n## State by role\n", *_matrix(), "", *rights.section(), "")
    )


def _commands() -> Iterator[str]:
    yield "| Command | From | To | Who may | Condition | Recorded as |"
    yield "|---|---|---|---|---|---|"
    for row in TABLE:
        from_states = _names(row.before) or "(no version yet)"
        cells = (row.words, from_states, _names(row.after), _who(row), row.guard or "none", f"`{row.action}`")
        yield f"| {' | '.join(cells)} |"


def _who(row: Transition) -> str:
    said = dict.fromkeys(who_in_words(state, row.command) for state in row.before or (State.DRAFT,))
    return "; ".join(said)


def _names(states: tuple[State, ...]) -> str:
    return ", ".join(state.value.replace("_", " ") for state in states)


def _matrix() -> Iterator[str]:
    for state in State:
        version = version_in(state)
        yield f"### {state.value.replace('_', ' ').capitalize()}: {STATES_IN_WORDS[state]}\n"
        lines = [(name, _pressable(version, persona(held))) for name, held in PERSONAS]
        able = [(name, words) for name, words in lines if words]
        if able:
            yield "| Role | May |"
            yield "|---|---|"
            yield from (f"| {name} | {', '.join(words)} |" for name, words in able)
            yield ""
        unable = [name for name, words in lines if not words]
        yield f"May do nothing: {', '.join(unable)}, and whoever is not signed in.\n"
    starters = [
        name for name, held in PERSONAS if agencies_acted_for(version_in(State.DRAFT), persona(held), Command.START)
    ]
    yield f"### No version yet\n\nMay start one: {', '.join(starters)}."


def _pressable(version: AgreementVersion, by: Identity) -> list[str]:
    return [row.words for row in TABLE if may_press(version, by, row.command)]


if __name__ == "__main__":
    sys.stdout.write(page())
