"""The function table, whole, through a real engine: every example runs, and the documented samples give their values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exchange.rows.functions import OVERLOADS, SECTIONS, TABLE, VOLATILE
from exchange.rows.plan import resolve
from exchange.rows.plan.typed import Apply, parts
from exchange.rows.soql import SoqlError, parse_statement
from tests.makers.asking import Asked
from tests.makers.rows import QUAKES, make_quakes

EMPTY = {"get_context", "regr_slope", "regr_intercept", "regr_r2"}
"""Null or not a number over constants: there is no such variable, and no line through one point."""


@pytest.fixture(scope="module")
def quakes(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("open"), make_quakes(), QUAKES)


def test_every_function_has_a_section_and_words() -> None:
    assert {function.section for function in TABLE} == set(SECTIONS)
    assert all(function.doc.endswith(".") and function.result for function in TABLE)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_example_runs_with_the_overload_that_it_stands_at(quakes: Asked, section: str) -> None:
    for function in (found for found in TABLE if found.section == section):
        assert function.example.startswith("SELECT "), function.name
        used = _functions(function.example)
        unchanged = function.name.startswith("::") and function.parameters == (function.result,)
        assert unchanged or (function.name, function.parameters) in used, (function.example, used)
        rows = quakes.rows(function.example)
        assert rows and (rows[0]["answer"] is not None or function.name in (*EMPTY, "lag", "lead")), function.example


def _functions(statement: str) -> set[tuple[str, tuple[str, ...]]]:
    plan = resolve(parse_statement(statement), QUAKES)
    outputs = [named.column for stage in plan.stages for named in stage.outputs]
    found = [part for output in outputs for part in parts(output) if isinstance(part, Apply)]
    return {(part.function.name, part.function.parameters) for part in found}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("round(10.3012, 3)", 10.301),
        ("round(25, -1)", 30),
        ("substring('world', 2)", "orld"),
        ("substring('world', 2, 1)", "o"),
        ("unaccent('Sainte-Thérèse, Québec')", "Sainte-Therese, Quebec"),
        ("unaccent('Straße, Łódź, Ærø, Œuvre')", "Strasse, Lodz, AEro, OEuvre"),
        ("date_extract_ss('2018-09-16T00:00:07.250')", 7.25),
        ("date_extract_ss('2018-09-16T00:00:07')", 7),
        ("'2018-09-16T00:00:07.250'::floating_timestamp.second", 7.25),
        ("date_extract_hh('2024-07-01T12:00:00Z'::fixed_timestamp, 'PDT')", 5),
        ("date_extract_hh('2024-07-01T12:00:00Z'::fixed_timestamp, 'EST')", 7),
        ("url('https://ct.gov', 'State') = 'https://ct.gov'", True),
        ("url('https://ct.gov', 'State') = '<a href=\"https://ct.gov\">Other</a>'", False),
        ("url('https://ct.gov', '') = '<a href=\"https://ct.gov\">Other</a>'", False),
        ("url('https://ct.gov', 'State') != 'https://ct.gov'", False),
        ("'https://ct.gov/a' = url('https://ct.gov', 'State')", False),
        ("within_box('POINT (-72.5 41.5)'::point, 41, -72, 42, -73)", True),
        ("within_box('POINT (-72.5 41.5)'::point, 42, -72.4, 41, -72)", False),
        ("date_diff_business_days('2024-08-05T12:00:00.000','2024-08-09T12:00:00.000')", 5),
        ("date_diff_business_days('2024-08-09T12:00:00.000','2024-08-05T12:00:00.000')", 5),
        ("date_diff_business_days('2024-08-09T12:00:00.000','2024-08-12T12:00:00.000')", 2),
        ("date_diff_business_days('2024-08-07T12:00:00.000','2024-08-07T12:00:00.000')", 1),
        ("date_diff_business_days('2024-08-03T12:00:00.000','2024-08-04T12:00:00.000')", 0),
        ("date_diff_business_days('2024-08-09T12:00:00.000Z','2024-08-12T12:00:00.000Z','UTC')", 2),
        ("date_diff_business_days('2024-08-05T01:00:00Z','2024-08-05T12:00:00Z','US/Eastern')", 1),
        ("signed_magnitude_10(0)", 0),
        ("signed_magnitude_10(9.9)", 1),
        ("signed_magnitude_10(-9.8)", -1),
        ("signed_magnitude_10(10)", 2),
        ("signed_magnitude_linear(42, 10)", 5),
        ("signed_magnitude_linear(-5, 10)", -1),
        ("width_bucket(35, 0, 100, 10)", 4),
        ("width_bucket(-1, 0, 100, 10)", 0),
        ("width_bucket(100, 0, 100, 10)", 11),
        ("date_extract_dow('2013-10-24T09:33:00.000')", 4),
        ("date_extract_woy('2013-10-24T09:33:00.000')", 43),
        ("date_extract_woy('2014-12-30')", 1),
        ("date_extract_iso_y('2014-12-30')", 2015),
        ("date_trunc_ym('2012-09-22T18:05:00.000')::text", "2012-09-01T00:00:00.000"),
        ("date_trunc_ymd('2024-08-05T02:00:00Z'::fixed_timestamp, 'US/Eastern')::text", "2024-08-04T00:00:00.000"),
        ("datez_trunc_ymd('2024-08-05T02:00:00Z'::fixed_timestamp)::text", "2024-08-05T00:00:00.000Z"),
        ("('2024-01-31'::floating_timestamp + 'P1M')::text", "2024-02-29T00:00:00.000"),
        ("('2024-01-01'::floating_timestamp - 'PT1S')::text", "2023-12-31T23:59:59.000"),
        ("date_diff_d('2024-08-09', '2024-08-05')", 4),
        ("epoch_seconds('1970-01-02T00:00:00.250Z')", 86400.25),
        ("floating_timestamp_dow('2024-08-04'::floating_timestamp)", 0),
        ("7 / 0", None),
        ("-7 % 4", -3),
        ("2 ^ 3 ^ 2", 512),
        ("case(felt, 'yes', true, 'no') = iif(felt, 'yes', 'no')", True),
        ("coalesce(null, null, 'x')", "x"),
        ("least(3, null, 1)", 1),
        ("greatest('a', 'c', null)", "c"),
        ("'a' || null", None),
        ("'a' || 1 || true || '2024-01-01'::floating_timestamp", "a1true2024-01-01T00:00:00.000"),
        ("'3'::number + 1", 4),
        ("'abc'::text::number", None),
        ("2.5 between '2' and '3'", True),
        ("'a' in ('b', null)", None),
        ("caseless_one_of('ct', 'CT', 'RI')", True),
        ("split_part('2023-24', '-', 2)", "24"),
        ("get_context('user')", None),
    ],
)
def test_sample_values(quakes: Asked, expression: str, value: Any) -> None:
    assert quakes.value(expression) == value


def test_aggregates_over_columns_and_distinct_values(quakes: Asked) -> None:
    row = quakes.rows(
        "SELECT count(*) AS n, count(magnitude) AS filled, count_distinct(source) AS sources, "
        "count(distinct source) AS again, median(earthquake_id) AS middle, median(depth) AS deep, "
        "sum_distinct(depth) < sum(depth) AS less, bool_or(felt) AS any, regr_r2(depth, depth) AS fit, "
        "stddev_pop(depth) < stddev_samp(depth) AS wider"
    )[0]
    assert (row["n"], row["filled"], row["sources"], row["again"]) == (2500, 2450, 4, 4)
    assert row["middle"] == "q0001249", "the lower of the middle two"
    depths = sorted(make_quakes()["depth"].to_pylist())
    assert row["deep"] == pytest.approx((depths[1249] + depths[1250]) / 2)
    assert (row["any"], row["fit"], row["less"], row["wider"]) == (True, 1.0, True, True)


def test_windows(quakes: Asked) -> None:
    rows = quakes.rows(
        "SELECT earthquake_id, row_number() OVER (PARTITION BY source ORDER BY earthquake_id) AS n, "
        "lag(earthquake_id, 1, 'none') OVER (PARTITION BY source ORDER BY earthquake_id) AS before, "
        "ntile(4) OVER (ORDER BY earthquake_id) AS quarter ORDER BY earthquake_id LIMIT 5"
    )
    assert rows[0] == {"earthquake_id": "q0000000", "n": 1, "before": "none", "quarter": 1}


def test_the_present_moment_is_the_only_function_that_changes(quakes: Asked) -> None:
    assert {"get_utc_date"} == VOLATILE
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    found = quakes.value("get_utc_date()")
    assert before <= found <= datetime.now(UTC)
    assert found.microsecond % 1000 == 0


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("no_such(1)", "no-such-function"),
        ("read_csv('/etc/passwd')", "no-such-function"),
        ("getenv('HOME')", "no-such-function"),
        ("shape_text('a')", "no-such-function"),
        ("upper(1, 2)", "type-mismatch"),
        ("upper(depth)", "type-mismatch"),
        ("depth + felt", "type-mismatch"),
        ("depth::polygon", "type-mismatch"),
        ("date_trunc_y(:updated_at)", "type-mismatch"),
        ("to_floating_timestamp(:updated_at, 'Nowhere/Town')", "type-mismatch"),
        ("within_circle(source, 1, 2, 3)", "type-mismatch"),
        ("min(felt)", "type-mismatch"),
        ("upper_distinct(source)", "no-such-function"),
        ("source.latitude", "type-mismatch"),
        ("depth::wonder", "no-such-function"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_code(quakes: Asked, expression: str, code: str) -> None:
    with pytest.raises(SoqlError) as refused:
        quakes.value(expression)
    assert refused.value.code == f"query.soql.{code}"
    assert refused.value.data


def test_no_template_reaches_outside_the_rows() -> None:
    forbidden = ("read_", "getenv", "current_setting", "glob", "attach", "copy ", "pragma", "random", "uuid", "query(")
    for function in TABLE:
        assert not any(word in function.sql.lower() for word in forbidden), function.name
        assert function.volatile == ("now()" in function.sql)
    assert len(OVERLOADS) > 150
