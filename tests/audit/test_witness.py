"""A witness cosigns growth and nothing else, remembers through `kill -9`, and keeps what contradicts it."""

from __future__ import annotations

import hashlib
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from audit.checkpoints import FileSigner, split
from audit.witness.policy import BadPolicy, parse, without_witnesses
from tests.makers.witness import Running, Tree, near_witness, witness

ORIGIN = "data.example.gov/audit/log"
SIGNER = FileSigner(ORIGIN, b"\x05" * 32, b"\x06" * 32)
VKEYS = [verifier.vkey() for verifier in SIGNER.verifiers]
TREE, FORK = Tree(ORIGIN, SIGNER), Tree(ORIGIN, SIGNER, fork_at=6)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Running]:
    """A witness that watches one log."""
    with near_witness(tmp_path, VKEYS) as running:
        yield running


@pytest.fixture
def grown(one: Running) -> Running:
    """The same once it has seen eight entries."""
    assert one.add(TREE.request(0, 8))[0] == 200
    return one


def test_what_is_no_request_of_this_log_is_refused(one: Running) -> None:
    assert one.add("anything")[0] == 400
    assert one.add(TREE.request(0, 3).replace("old 0", "old 00"))[0] == 400
    assert one.add(TREE.request(0, 3).replace("old 0", "old 4"))[0] == 400
    assert one.add("old 0\n" + "\n".join(["A" * 43 + "="] * 64) + "\n\n" + TREE.note(3))[0] == 400
    assert one.add(Tree("other.example/log", FileSigner("other.example/log", b"\x05" * 32)).request(0, 3))[0] == 404
    assert one.add(Tree(ORIGIN, FileSigner(ORIGIN, b"\x09" * 32)).request(0, 3))[0] == 403
    assert one.add(TREE.request(0, 3).replace("\n3\n", "\n2\n"))[0] == 403
    assert _seen(one) is None


def test_growth_is_cosigned_in_both_forms_and_remembered(one: Running) -> None:
    for old, size in ((0, 3), (3, 3), (3, 8)):
        status, lines = one.add(TREE.request(old, size))
        text = split(TREE.note(size))[0]
        assert status == 200
        assert all((verifier.signed_at(f"{text}\n{lines}") or 0) > 1_700_000_000 for verifier in one.verifiers)
    kept = _seen(one)
    assert kept is not None
    assert [key.open(kept).size for key in (*SIGNER.verifiers, *one.verifiers)] == [8] * 4


def test_a_rollback_is_told_where_the_witness_stands(grown: Running) -> None:
    assert grown.add(TREE.request(3, 8)) == (409, "8\n")
    assert grown.add(TREE.request(3, 5)) == (409, "8\n")
    assert grown.add(TREE.request(0, 5)) == (409, "8\n")


def test_a_fork_is_refused_and_kept_as_evidence(grown: Running) -> None:
    assert grown.add(FORK.request(8, 12))[0] == 422
    assert grown.add(FORK.request(8, 8))[0] == 422
    assert grown.add(FORK.request(8, 8))[0] == 422
    assert grown.add(TREE.request(8, 12).replace("old 8\n", "old 8\n" + "A" * 43 + "=\n", 1))[0] == 422
    found = sorted(path.name.partition("-")[0] for path in (grown.folder / "evidence").glob("*.txt"))
    assert found == ["equivocation", "unproven", "unproven"]
    [proof] = (grown.folder / "evidence").glob("equivocation-*")
    assert FORK.note(8).split("\n\n")[0] in proof.read_text()
    assert TREE.note(8).split("\n\n")[0] in proof.read_text()


def test_of_several_at_once_one_is_cosigned(grown: Running) -> None:
    """Both are true growth from 8; whoever is second is told the new size, and nothing is rolled back."""
    gate = threading.Barrier(4)

    def ask(size: int) -> tuple[int, str]:
        gate.wait()
        return grown.add(TREE.request(8, size))

    with ThreadPoolExecutor(4) as many:
        answers = list(many.map(ask, (9, 10, 11, 12)))
    [won] = [size for size, (status, _) in zip((9, 10, 11, 12), answers, strict=True) if status == 200]
    assert [body for status, body in answers if status == 409] == [f"{won}\n"] * 3
    assert SIGNER.open(_seen(grown) or "").size == won


def test_it_remembers_through_a_kill(tmp_path: Path) -> None:
    with witness(tmp_path, VKEYS) as first:
        assert first.add(TREE.request(0, 8))[0] == 200
    with witness(tmp_path, [], name="") as again:
        assert again.verifiers == first.verifiers
        assert again.add(FORK.request(8, 9))[0] == 422
        assert again.add(TREE.request(0, 3)) == (409, "8\n")
        assert again.add(TREE.request(8, 9))[0] == 200
    assert (tmp_path / "witness.key").stat().st_mode & 0o777 == 0o600


def _seen(one: Running) -> str | None:
    address = f"{one.url}/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as missing:
        assert missing.code == 404
        return None


KEYS = [
    FileSigner(f"w{number}.example", bytes((number,)) * 32, bytes((number,)) * 32).verifiers[1]
    for number in range(1, 6)
]
X1, X2, X3, Y1, Y2 = (key.vkey() for key in KEYS)
POLICY = f"""# two institutions
log {VKEYS[0]}\thttps://data.example.gov/audit/log
log {VKEYS[1]}

witness X1 {X1}
witness X2 {X2} https://x2.example/w
 witness X3 {X3}
group Xs 2 X1 X2 X3
witness Y1 {Y1}
witness Y2 {Y2}
group Ys any Y1 Y2
group both all Xs Ys
quorum both
"""


def test_a_policy_is_read_and_its_quorum_counted() -> None:
    policy = parse(POLICY.encode())
    assert policy.logs == list(SIGNER.verifiers)
    assert policy.witnesses["X2"].url == "https://x2.example/w"
    assert policy.met({"X1", "X3", "Y2"})
    assert not policy.met({"X1", "X2", "X3"})
    assert not policy.met({"X1", "Y1", "Y2"})
    assert parse(without_witnesses(SIGNER.verifiers).encode()).met(())


WRONG = {
    "no quorum": ("quorum both\n", ""),
    "two quorums": ("quorum both\n", "quorum Xs\nquorum both\n"),
    "quorum of nobody": ("quorum both", "quorum Zs"),
    "group of names below": ("group Xs 2 X1 X2 X3", "group Xs 2 X1 X2 Y1"),
    "more than there are": ("group Xs 2", "group Xs 4"),
    "none at all": ("group Xs 2", "group Xs 0"),
    "a member twice": ("group Xs 2 X1 X2 X3", "group Xs 2 X1 X1 X3"),
    "a member of two groups": ("all Xs Ys", "all Xs Ys X1"),
    "a name twice": ("witness X3", "witness X2"),
    "the name none": ("witness X3", "witness none"),
    "a key twice": (X3, X2),
    "a log twice": (VKEYS[1], VKEYS[0]),
    "a log's key as a witness": (X3, FileSigner("w", b"\x01" * 32).verifier.vkey()),
    "a control character": ("# two", "# \x0btwo"),
    "another word": ("quorum both", "quorums both"),
    "no end of line": ("quorum both\n", "quorum both"),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_policy_is_refused(change: tuple[str, str]) -> None:
    with pytest.raises(BadPolicy):
        parse(POLICY.replace(*change, 1).encode())
