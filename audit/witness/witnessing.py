"""The witnesses of this installation: its policy file, and the couriers that run beside its sequencer."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

import click

from audit.locks import LEADER_LOCK
from audit.sequencer import LOG
from audit.tiles import TileStore
from audit.witness.board import Board
from audit.witness.courier import PATIENCE_S, Courier
from audit.witness.policy import BadPolicy, Policy, parse

__all__ = ["PATIENCE_S", "WitnessSettings", "accompany", "policy_of"]


class WitnessSettings(Protocol):
    """What witnessing needs to know of the operator's settings."""

    @property
    def data_dir(self) -> Path: ...
    @property
    def witness_policy(self) -> str: ...


def policy_of(settings: WitnessSettings) -> Policy | None:
    """The policy in the file that the settings name; None if they name none. Raises `BadPolicy`."""
    return parse(Path(settings.witness_policy).read_bytes()) if settings.witness_policy else None


def accompany(settings: WitnessSettings, stop: threading.Event, now: Callable[[], datetime]) -> list[threading.Thread]:
    """Ask every witness that has an address, each in its own thread, until told to stop."""
    try:
        policy = policy_of(settings)
    except BadPolicy as bad:
        raise click.ClickException(f"EXCHANGE_WITNESS_POLICY is not a policy: {bad}") from bad
    if policy is None:
        return []
    store = TileStore(settings.data_dir / LOG)
    board = Board(store, policy)
    couriers = [Courier(witness, store, board, now) for witness in policy.witnesses.values() if witness.url]
    threads = [
        threading.Thread(target=it.follow, args=(stop, _leading(settings.data_dir)), daemon=True) for it in couriers
    ]
    for thread in threads:
        thread.start()
    return threads


def _leading(data_dir: Path) -> Callable[[], bool]:
    """Whether this process has the sequencer's lock: it writes its number there when it gets it."""

    def leading() -> bool:
        try:
            return (data_dir / LEADER_LOCK).read_text().split()[:1] == [str(os.getpid())]
        except OSError:
            return False

    return leading
