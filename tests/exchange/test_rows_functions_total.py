"""No value of a row decides whether a query fails, and no shape keeps the engine longer than its deadline."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import shapely

from exchange.rows import crossings
from exchange.rows.door import Field
from exchange.rows.engine import NotComputable
from exchange.rows.plan import Plan
from tests.makers.asking import Asked
from tests.makers.shapes import TOWNS, make_towns

SQUARE = "'POLYGON ((-73 41, -72 41, -72 42, -73 42, -73 41))'::polygon"
FAR = "make_point(CASE(town = 'Avon', 1e308, true, 41), -72)"


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("open"), make_towns(), TOWNS)


@pytest.mark.parametrize(
    "expression",
    [
        f"distance_in_meters({FAR}, {SQUARE})",
        f"distance_in_meters({SQUARE}, {FAR})",
        f"num_points(concave_hull(geo_multi({FAR}), 0.5))",
        "num_points(concave_hull(snap_to_grid(the_geom, CASE(town = 'Avon', 1e308, true, 0.1)), 0.2))",
    ],
)
def test_what_cannot_be_computed_of_one_row_is_null_there_and_does_not_tell_of_it(
    towns: Asked, expression: str
) -> None:
    """Suppression (invariant 8): whether a hidden row is there may not show in whether the query fails."""
    shown = towns.rows(f"SELECT town, {expression} AS value ORDER BY town")
    assert [row["town"] for row in shown] == [row["town"] for row in towns.rows("SELECT town ORDER BY town")]
    there = towns.rows(f"SELECT count(*) AS n WHERE {expression} < 0")
    assert there == [{"n": 0}]


def star(corners: int) -> list[tuple[float, float]]:
    steps = [2 * math.pi * ((corner * (corners // 2)) % corners) / corners for corner in range(corners)]
    return [(round(-72.6 + math.cos(step), 5), round(41.6 + math.sin(step), 5)) for step in steps]


def comb(teeth: int) -> Iterator[tuple[float, float]]:
    yield 0, -0.1
    for tooth in range(teeth):
        left, right = tooth / teeth, (tooth + 0.4) / teeth
        yield from ((left, 0), (left, 1), (right, 1), (right, 0))
    yield 1, -0.1


def written(places: list[tuple[float, float]]) -> str:
    return f"'{shapely.Polygon(places).wkt}'::polygon"


def test_a_shape_that_crosses_itself_too_often_is_null_at_once(towns: Asked) -> None:
    few, many = written(star(21)), written(star(1501))
    assert towns.value(f"num_points(geo_make_valid(geo_multi({few})))") is not None
    for made in (f"geo_make_valid({many})", f"polygon_intersection({many}, {SQUARE})", f"snap_to_grid({many}, 0.001)"):
        assert towns.value(f"num_points({made})") is None


def test_shapes_that_cross_one_another_too_often_have_neither_union_nor_intersection(towns: Asked) -> None:
    upright = list(comb(120))
    first, second = written(upright), written([(y, x) for x, y in upright])
    assert towns.value(f"num_points(polygon_intersection({first}, {second}))") is None
    assert towns.value(f"num_points(spatial_union({first}, {second}))") is None
    assert towns.value(f"num_points(spatial_union({first}, {SQUARE}))") is not None


def test_borders_that_are_shared_are_no_crossings() -> None:
    round_ = shapely.Point(0, 0).buffer(1, quad_segs=2_000)
    assert not crossings.too_many([round_, round_])
    assert not crossings.too_many([round_, shapely.Point(1, 0).buffer(1, quad_segs=2_000)])
    assert not crossings.too_many([])
    assert crossings.too_many([shapely.Polygon(star(301))])


def test_a_value_that_the_engine_stumbles_over_is_not_written_into_the_log(
    towns: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    def sql(relation: str, *_rest: Any, **_more: Any) -> tuple[str, list[Any]]:
        return f"SELECT CAST(town AS INTEGER) FROM {relation}", []

    failing = cast(Plan, SimpleNamespace(fields=(Field("town", "number"),), limit=1, grouped=False, sql=sql))
    with caplog.at_level(logging.WARNING), pytest.raises(NotComputable):
        towns.run(failing)
    assert "ConversionException" in caplog.text
    assert "Avon" not in caplog.text
