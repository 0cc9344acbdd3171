"""Tiles: growth in any steps gives the same files, and proofs read from them check."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit import merkle
from audit.tiles import Edge, MissingTile, TileStore, checked_path, grow, pack, tile_path, unpack

BODIES = [f"entry {i}".encode() for i in range(1400)]
LEAVES = [merkle.leaf_hash(body) for body in BODIES]


def test_addresses_are_those_of_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(2, 0, 17) == "tile/2/000.p/17"
    assert tile_path("entries", 273, 112) == "tile/entries/273.p/112"
    assert checked_path("0", "x001/x234/067") == "tile/0/x001/x234/067"
    assert checked_path("0", "x001/x234/067.p/5") == "tile/0/x001/x234/067.p/5"
    for wrong in ("", "x", "1", "001/000", "x000/001", "../000", "000.p/256", "000.p/0x", "000.p/"):
        assert checked_path("0", wrong) is None


def test_files_of_a_tree_of_70000_are_those_of_the_specification() -> None:
    """273 full tiles at level 0 and one of width 112; one full at level 1 and one of 17; one of width 1 at level 2."""
    bodies = [str(i).encode() for i in range(70_000)]
    edge, files = grow(Edge(), bodies)
    level_0 = [name for name in files if name.startswith("tile/0/")]
    assert len(level_0) == 274
    assert "tile/0/273.p/112" in files
    assert [name for name in files if name.startswith("tile/1/")] == ["tile/1/000", "tile/1/001.p/17"]
    assert [name for name in files if name.startswith("tile/2/")] == ["tile/2/000.p/1"]
    assert edge.root() == merkle.root_of(merkle.leaf_hash(body) for body in bodies)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8))
@settings(deadline=None)
def test_growth_in_any_steps_gives_the_same_tree(steps: list[int]) -> None:
    edge, files = Edge(), dict[str, bytes]()
    for step in steps:
        edge, changed = grow(edge, BODIES[edge.size : edge.size + step])
        files |= changed
    whole, all_files = grow(Edge(), BODIES[: edge.size])
    assert edge == whole
    assert edge.root() == merkle.root_of(LEAVES[: edge.size])
    assert {name: files[name] for name in all_files} == all_files


@pytest.mark.parametrize("size", [1, 255, 256, 257, 512, 1300])
def test_the_edge_and_the_proofs_are_read_back(tmp_path: Path, size: int) -> None:
    store = TileStore(tmp_path)
    edge, files = grow(Edge(), BODIES[:size])
    store.write(files)
    assert store.edge(size) == edge
    later, more = grow(edge, BODIES[size : size + 100])
    store.write(more)
    store.drop_partials(more)
    assert store.edge(size) == edge
    for index in {0, size // 2, size - 1}:
        path = merkle.inclusion_path(index, size, store.node(size))
        merkle.check_inclusion(LEAVES[index], index, size, path, edge.root())
    between = merkle.consistency_path(size, later.size, store.node(later.size))
    merkle.check_consistency(size, later.size, edge.root(), later.root(), between)


def test_a_completed_tile_replaces_its_partial_ones(tmp_path: Path) -> None:
    store = TileStore(tmp_path)
    edge, files = grow(Edge(), BODIES[:200])
    store.write(files)
    _, files = grow(edge, BODIES[200:300])
    store.write(files)
    store.drop_partials(files)
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"]


def test_missing_and_short_files_are_named(tmp_path: Path) -> None:
    store = TileStore(tmp_path)
    with pytest.raises(MissingTile, match=r"tile/0/000\.p/3"):
        store.edge(3)
    store.write({"tile/0/000.p/3": b"x" * 64, "tile/entries/000.p/3": b"\x00\x09x"})
    with pytest.raises(MissingTile):
        store.hashes(0, 0, 3)
    with pytest.raises(MissingTile):
        store.bundle(0, 3)


@given(st.lists(st.binary(min_size=1, max_size=2000)))
def test_bundles_are_read_as_written(bodies: list[bytes]) -> None:
    assert unpack(pack(bodies)) == tuple(bodies)
