"""Sealed files: whatever is touched refuses, and nothing is ever plain on disk."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.errors import Unavailable
from exchange.rows import sealed, store_restricted
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.plan import resolve
from exchange.rows.sealed import FileKeys, SealBroken, about, seal, unseal
from exchange.rows.soql import parse_parameters
from exchange.rows.source import StoredVersion
from tests.conftest import NOON
from tests.makers.rows import QUAKES, make_quakes

KEY = bytes(range(32))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 100 bytes, so that a few hundred bytes make several."""
    monkeypatch.setattr(sealed, "CHUNK", 100)


def sealed_bytes(plain: bytes) -> bytes:
    return b"".join(seal(memoryview(plain), KEY))


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 1000])
@pytest.mark.usefixtures("small_chunks")
def test_what_was_sealed_comes_back(size: int) -> None:
    plain = bytes(n % 251 for n in range(size))
    assert unseal(memoryview(sealed_bytes(plain)), KEY) == plain


@pytest.mark.usefixtures("small_chunks")
def test_every_flipped_byte_is_refused() -> None:
    whole = sealed_bytes(b"x" * 250)
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1
        with pytest.raises(SealBroken):
            unseal(memoryview(bytes(changed)), KEY)


@pytest.mark.usefixtures("small_chunks")
def test_cut_extended_swapped_and_repeated_chunks_are_refused() -> None:
    whole = sealed_bytes(bytes(300))
    head, chunks = whole[:27], [whole[27 + n * 116 : 27 + (n + 1) * 116] for n in range(3)]
    assert head + b"".join(chunks) == whole
    for order in ([1, 0, 2], [0, 0, 2], [0, 1], [0, 2], [0, 1, 2, 2], [0, 2, 1]):
        with pytest.raises(SealBroken):
            unseal(memoryview(head + b"".join(chunks[n] for n in order)), KEY)
    for end in range(len(whole)):
        with pytest.raises(SealBroken):
            unseal(memoryview(whole[:end]), KEY)
    shorter = head[:19] + (200).to_bytes(8, "big")
    with pytest.raises(SealBroken):
        unseal(memoryview(shorter + chunks[0] + chunks[1]), KEY)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_are_refused(noise: bytes) -> None:
    with pytest.raises(SealBroken):
        unseal(memoryview(noise), KEY)


def test_the_same_rows_are_sealed_differently_each_time() -> None:
    assert sealed_bytes(b"same") != sealed_bytes(b"same")


def test_a_data_key_belongs_to_one_version_and_one_key_file(tmp_path: Path) -> None:
    keys = FileKeys(tmp_path / "a.key", create=True)
    key = keys.generate(about("abcd-1234", 1))
    assert json.loads(json.dumps(key.wrapped)) == key.wrapped
    assert keys.unwrap(key.wrapped, about("abcd-1234", 1)) == key.plain
    for wrong in (about("abcd-1234", 2), about("wxyz-1234", 1)):
        with pytest.raises(SealBroken):
            keys.unwrap(key.wrapped, wrong)
    with pytest.raises(SealBroken):
        FileKeys(tmp_path / "b.key", create=True).unwrap(key.wrapped, about("abcd-1234", 1))


def test_the_key_file_is_private_and_made_once(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "store.key"
    threads = [threading.Thread(target=FileKeys, args=(path,), kwargs={"create": True}) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.stat().st_mode & 0o777 == 0o600 and [p.name for p in path.parent.iterdir()] == ["store.key"]
    path.chmod(0o640)
    with pytest.raises(Unavailable, match="0600"):
        FileKeys(path)


def test_a_missing_key_is_not_made_outside_the_installations_own_folder(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        store_restricted.write_version(
            tmp_path / "restricted",
            "abcd-1234",
            1,
            make_quakes(10),
            QUAKES,
            key_file=tmp_path / "mistyped" / "store.key",
        )
    assert not (tmp_path / "mistyped").exists()


def written(tmp_path: Path, number: int = 1) -> StoredVersion:
    return store_restricted.write_version(
        tmp_path / "restricted", "abcd-1234", number, make_quakes(), QUAKES, key_file=tmp_path / "keys" / "store.key"
    )


def reading(tmp_path: Path, stored: StoredVersion, **changed: Any) -> dict[str, Any]:
    return {
        "root": tmp_path / "restricted", "path": stored.path, "dataset_id": "abcd-1234", "number": 1,
        "sha256": stored.sha256, "sealed_key": stored.sealed_key, "key_file": tmp_path / "keys" / "store.key", **changed,
    }  # fmt: skip


def test_nothing_plain_is_on_disk(tmp_path: Path) -> None:
    stored = written(tmp_path)
    files = [path for path in (tmp_path / "restricted").rglob("*") if path.is_file()]
    assert [path.name for path in files] == [Path(stored.path).name]
    for path in files:
        content = path.read_bytes()
        assert b"PAR1" not in content and b"Puerto Rico" not in content and b"magnitude" not in content


def test_a_version_refuses_another_hash_number_or_one_changed_byte(tmp_path: Path) -> None:
    stored = written(tmp_path)
    assert store_restricted.read_table(**reading(tmp_path, stored)).num_rows == 2500
    for changed in ({"number": 2}, {"dataset_id": "wxyz-1234"}, {"sha256": "0" * 64}, {"sealed_key": {}}):
        with pytest.raises(SealBroken):
            store_restricted.read_table(**reading(tmp_path, stored, **changed))
    path = tmp_path / "restricted" / stored.path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(SealBroken):
        store_restricted.read_table(**reading(tmp_path, stored))


def test_restricted_rows_are_loaded_once_and_let_go_by_size(tmp_path: Path) -> None:
    sources = []
    for number in (1, 2, 3):
        stored = written(tmp_path, number)
        options = reading(tmp_path, stored, number=number) | {"rows": stored.rows, "published_at": NOON}
        sources.append(store_restricted.open_version(**options))
    engine = DuckDBEngine(None, resident_bytes=300_000)
    plan = resolve(parse_parameters({"$select": "count(*) as n"}), QUAKES)
    for source in (*sources, *sources):
        options = {"deadline_s": 10.0, "max_rows": None, "cancel": threading.Event()}
        assert [b.to_pylist() for b in engine.run(plan, source, **options)] == [[{"n": 2500}]]
