"""The log's side of witnessing: cosignatures are brought back, whoever is away is asked again, a fork is an alarm."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from audit import checkpoints, tables
from audit.checkpoints import Checkpoint, FileSigner
from audit.recovery import COSIGNED
from audit.tiles import Edge, TileStore, grow
from audit.witness.board import Board, State, alarms, standings
from audit.witness.courier import Courier
from audit.witness.policy import Policy, parse
from audit.witness.witnessing import accompany
from tests.audit.conftest import make_engine
from tests.makers.audit import make_intent, make_signer, now, sequence, write
from tests.makers.witness import Running, near_witness, witness

ORIGIN = "data.example.gov/audit/log"
SIGNER = FileSigner(ORIGIN, b"\x05" * 32, b"\x06" * 32)
VKEYS = [verifier.vkey() for verifier in SIGNER.verifiers]


def show(folder: Path, size: int, fork_at: int | None = None) -> TileStore:
    """A published log of so many entries; those from `fork_at` on are others."""
    store = TileStore(folder)
    bodies = [f"{'other ' if fork_at is not None and i >= fork_at else ''}{i}".encode() for i in range(size)]
    edge, files = grow(Edge(), bodies)
    note = checkpoints.sign(Checkpoint(ORIGIN, size, edge.root()), SIGNER)
    store.write({**files, "checkpoint": note.encode()})
    return store


def policy_for(*running: Running, quorum: str = "all") -> Policy:
    """A policy with these witnesses; they sign with ML-DSA-44 or Ed25519 by turns."""
    lines = [f"witness w{i} {it.verifiers[i % 2].vkey()} {it.url}" for i, it in enumerate(running)]
    names = " ".join(f"w{i}" for i in range(len(running)))
    return parse(("\n".join([f"log {VKEYS[0]}", *lines, f"group q {quorum} {names}", "quorum q"]) + "\n").encode())


def couriers(store: TileStore, policy: Policy) -> list[Courier]:
    """One for each witness, on a new board."""
    board = Board(store, policy)
    return [Courier(it, store, board, now) for it in policy.witnesses.values()]


def cosigned(store: TileStore) -> str:
    """The published checkpoint with its cosignatures, or nothing."""
    return (store.read(COSIGNED) or b"").decode()


def test_growth_is_cosigned_by_the_quorum(tmp_path: Path) -> None:
    with (
        near_witness(tmp_path / "1", VKEYS, "w.example/1") as one,
        near_witness(tmp_path / "2", VKEYS, "w.example/2") as two,
    ):
        policy = policy_for(one, two)
        for size in (3, 300, 301, 700):
            store = show(tmp_path / "log", size)
            first, second = couriers(store, policy)
            assert first.step()
            assert f"\n{size}\n" not in cosigned(store)
            assert second.step()
            assert SIGNER.open(cosigned(store)).size == size
            assert set(policy.cosigners(cosigned(store))) == {"w0", "w1"}
        assert [(it.state, it.size, it.said) for it in standings(store)] == [(State.COSIGNED, 700, "")] * 2


def test_a_witness_that_is_away_holds_up_nobody_and_is_asked_again(tmp_path: Path) -> None:
    store = show(tmp_path / "log", 5)
    with near_witness(tmp_path / "1", VKEYS, "w.example/1") as one:
        with near_witness(tmp_path / "2", VKEYS, "w.example/2") as two:
            policy = policy_for(one, two, quorum="any")
            port = int(two.url.rpartition(":")[2])
        near, away = couriers(store, policy)
        assert not away.step()
        assert near.step()
        assert SIGNER.open(cosigned(store)).size == 5
        assert [it.state for it in standings(store)] == [State.COSIGNED, State.AWAY]
        assert "127.0.0.1" in standings(store)[1].said
        with witness(tmp_path / "2", [], "", port):
            assert away.step()
        assert set(policy.cosigners(cosigned(store))) == {"w0", "w1"}


@pytest.mark.parametrize(
    ("size", "fork_at", "said"), [(9, 6, "422"), (8, 6, "422"), (6, None, "the end of the log is gone")]
)
def test_another_log_than_the_witness_saw_is_an_alarm(
    tmp_path: Path, size: int, fork_at: int | None, said: str
) -> None:
    with near_witness(tmp_path / "w", VKEYS) as one:
        policy = policy_for(one)
        assert couriers(show(tmp_path / "log", 8), policy)[0].step()
        store = show(tmp_path / "log", size, fork_at)
        [courier] = couriers(store, policy)
        assert not courier.step()
        [alarm] = alarms(store)
        assert said in alarm.said
        assert alarm.size == 8
        assert SIGNER.open(cosigned(store)).size == 8
        one_more = couriers(store, policy)[0]
    assert not one_more.step()
    assert alarms(store), "a witness that is away meanwhile does not end the alarm"
    assert len(list((tmp_path / "w" / "evidence").glob("*.txt"))) == (0 if fork_at is None else 1)


def test_a_witness_that_does_not_know_the_log_says_what_to_do(tmp_path: Path) -> None:
    store = show(tmp_path / "log", 5)
    other = FileSigner(ORIGIN, b"\x09" * 32).verifier.vkey()
    with near_witness(tmp_path / "w1", []) as none, near_witness(tmp_path / "w2", [other]) as wrong:
        for running, words in ((none, "does not watch this log (404)"), (wrong, "does not have the key")):
            [courier] = couriers(store, policy_for(running))
            assert not courier.step()
            assert words in standings(store)[0].said
            assert not alarms(store)


def test_a_cosignature_by_another_key_is_not_taken(tmp_path: Path) -> None:
    store = show(tmp_path / "log", 5)
    with near_witness(tmp_path / "w1", VKEYS) as one, near_witness(tmp_path / "w2", VKEYS) as two:
        line = f"witness w {two.verifiers[0].vkey()} {one.url}"
        [courier] = couriers(store, parse(f"log {VKEYS[0]}\n{line}\nquorum w\n".encode()))
        assert not courier.step()
    assert "no cosignature by" in standings(store)[0].said
    assert cosigned(store) == ""


def test_a_broken_record_is_made_anew(tmp_path: Path) -> None:
    store = show(tmp_path / "log", 5)
    store.write({"witnesses.json": json.dumps([{"name": "w0"}]).encode()})
    with near_witness(tmp_path / "w1", VKEYS) as one:
        assert couriers(store, policy_for(one))[0].step()
    assert standings(store)[0].size == 5


def test_beside_a_real_sequencer(tmp_path: Path) -> None:
    """The couriers find what the sequencer published, as often as it grows."""
    database = make_engine(f"sqlite:///{tmp_path / 'log.db'}")
    tables.metadata.create_all(database)
    write(database, [make_intent() for _ in range(300)])
    sequence(database, tmp_path)
    key = make_signer(tmp_path)
    with near_witness(tmp_path / "w", key.keys[0].vkeys()) as one:
        (tmp_path / "policy").write_text(
            f"log {key.verifier.vkey()}\nwitness w {one.verifiers[1].vkey()} {one.url}\nquorum w\n"
        )
        settings = Chosen(tmp_path, str(tmp_path / "policy"))
        stop = threading.Event()
        threads = accompany(settings, stop, now)
        store = TileStore(tmp_path / "log")
        write(database, [make_intent() for _ in range(5)])
        sequence(database, tmp_path)
        for _ in range(100):
            if "\n305\n" in cosigned(store):
                break
            stop.wait(0.1)
        stop.set()
        for thread in threads:
            thread.join()
    assert key.open(cosigned(store)).size == 305


class Chosen:
    """Settings, as far as witnesses need them."""

    def __init__(self, data_dir: Path, witness_policy: str) -> None:
        self.data_dir, self.witness_policy = data_dir, witness_policy
