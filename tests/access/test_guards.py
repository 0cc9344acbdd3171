"""Who may enter which part of the house: every role at every entrance of the table (ASVS V8.2.1)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, g

from access import guards
from exchange import clock
from exchange.directory.identity import Identity, RoleHeld, current_identity
from exchange.directory.models import RoleKind
from exchange.errors import Refused, Unauthenticated
from tests.conftest import make_settings
from wsgi import ENTRANCES, create_app

PUBLIC, NO_ROLE = "public", "no role"
EVERYBODY = frozenset({PUBLIC, NO_ROLE, *RoleKind})
SIGNED_IN = EVERYBODY - {PUBLIC}

MAY_ENTER: dict[Callable[[], None], frozenset[str]] = {
    guards.anyone: EVERYBODY,
    guards.door: EVERYBODY,
    guards.client_proves_itself: EVERYBODY,
    guards.signed_in: SIGNED_IN,
    guards.receives: SIGNED_IN,
    guards.accountant: frozenset({RoleKind.AUDITOR, RoleKind.CDO, RoleKind.DATA_OFFICER}),
    guards.auditor: frozenset({RoleKind.AUDITOR}),
    guards.record_keeper: frozenset({RoleKind.AUDITOR, RoleKind.COUNSEL, RoleKind.CDO, RoleKind.ADMINISTRATOR}),
    guards.publisher: frozenset({RoleKind.STEWARD, RoleKind.DATA_OFFICER, RoleKind.CDO, RoleKind.ADMINISTRATOR}),
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The application once for the whole table: a guard asks who somebody is, and nothing of the database."""
    return create_app(make_settings(tmp_path_factory.mktemp("house")))


def identity_with(who: str) -> Identity | None:
    if who == PUBLIC:
        return None
    roles = frozenset({RoleHeld(RoleKind(who), "education", None)}) if who != NO_ROLE else frozenset()
    return Identity("p", "p", "Ines Calloway", "", "education", roles, clock.now(), "password+totp")


@pytest.mark.parametrize("who", sorted(EVERYBODY))
@pytest.mark.parametrize("entrance", ENTRANCES, ids=lambda entrance: entrance.blueprint.split(":")[1])
def test_invariant_6_every_role_at_every_entrance(house: Flask, entrance: object, who: str) -> None:
    guard = entrance.who  # type: ignore[attr-defined]
    with house.test_request_context("/"):
        g.identity = identity_with(who)
        if who in MAY_ENTER[guard]:
            guard()
        else:
            with pytest.raises(Unauthenticated if who == PUBLIC else Refused) as refusal:
                guard()
            assert refusal.value.message.endswith(".")


def test_every_guard_of_the_table_is_in_the_matrix() -> None:
    assert {entrance.who for entrance in ENTRANCES} <= set(MAY_ENTER)


@pytest.mark.parametrize("guard", [guards.door, guards.client_proves_itself])
def test_a_browsers_session_counts_for_nothing_where_programs_enter(house: Flask, guard: Callable[[], None]) -> None:
    with house.test_request_context("/"):
        g.identity = identity_with(RoleKind.CDO)
        guard()
        assert current_identity() is None
