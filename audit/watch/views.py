"""Access over time and its heat map. Whoever looks is recorded before the page leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for

from audit import asking
from audit.days import legal_day
from audit.desk.filtering import Filter
from audit.published import engine
from audit.tally.keeping import behind
from audit.watch import heat
from audit.watch.asked import DAYS, HeatMap, Timeline, filled, scope_of
from audit.watch.heat import AXES, MEASURES, WEEKDAYS, heat_map, words_of
from audit.watch.recording import LOOK, TAKE, as_file, begun, here, not_asked, record
from audit.watch.scope import DIMENSIONS, Scope
from audit.watch.timeline import Bucket, hours_like, step_for, timeline

watch = Blueprint("watch", __name__)

COLUMNS = ("begin", "end", "when", "reads", "refusals", "done", "cut", "failed", "rows", "bytes")


@watch.get("/timeline")
def over_time() -> tuple[str, int] | str:
    """How much was read and refused in each hour, day or week."""
    form, asked = Timeline(request.args), begun(LOOK, "timeline")
    if not form.validate():
        return render_template("audit/watch/timeline.html", form=form, scope=None), 400
    scope = scope_of(form, legal_day(asked.at), DAYS["timeline"])
    step, buckets, uncounted = _timeline(form, scope)
    record(asked, scope, step=step)
    return render_template(
        "audit/watch/timeline.html",
        form=filled(form, scope),
        scope=scope,
        step=step,
        buckets=buckets,
        uncounted=uncounted,
        one=form.outcome.data,
        like=_like(),
        most={name: max((b.counts[name] for b in buckets), default=0) for name in ("reads", form.outcome.data) if name},
        file=here("watch.over_time_csv"),
        titles=asking.titles_of([scope.dataset]),
    )


@watch.get("/timeline.csv")
def over_time_csv() -> Response:
    """The same as a file."""
    form, asked = Timeline(request.args), begun(TAKE, "timeline")
    if not form.validate():
        return not_asked()
    scope = scope_of(form, legal_day(asked.at), DAYS["timeline"])
    step, buckets, _ = _timeline(form, scope)
    record(asked, scope, step=step, format="csv")
    rows = (
        (b.begin.isoformat(), b.end.isoformat(), b.when, *(b.counts[name] for name in COLUMNS[3:])) for b in buckets
    )
    return as_file(f"timeline-{scope.first}-{scope.last}.csv", COLUMNS, rows)


@watch.get("/heat-map")
def over_two() -> tuple[str, int] | str:
    """How much was read or refused, by two of weekday, hour, agency, working group and dataset."""
    form, asked = HeatMap(request.args), begun(LOOK, "heat-map")
    if not form.validate():
        return render_template("audit/watch/heat_map.html", form=form, scope=None), 400
    scope = scope_of(form, legal_day(asked.at), DAYS["heat-map"])
    with engine().connect() as connection:
        map_ = heat_map(connection, scope, form.down.data, form.across.data, form.count.data)
        uncounted = behind(connection)
    record(asked, scope, down=map_.down, across=map_.across, count=form.count.data)
    titles = asking.titles_of(_of_axis(map_, "dataset"))
    entries = scope.entries()
    return render_template(
        "audit/watch/heat_map.html",
        form=filled(form, scope),
        scope=scope,
        map=map_,
        uncounted=uncounted,
        axes=AXES,
        measure=MEASURES[form.count.data],
        says=lambda axis, key: titles.get(key) or words_of(axis, key),
        leads=lambda cell: _behind(scope, entries, map_, cell),
        file=here("watch.over_two_csv"),
    )


@watch.get("/heat-map.csv")
def over_two_csv() -> Response:
    """The same as a file: one line for each line of the map."""
    form, asked = HeatMap(request.args), begun(TAKE, "heat-map")
    if not form.validate():
        return not_asked()
    scope = scope_of(form, legal_day(asked.at), DAYS["heat-map"])
    with engine().connect() as connection:
        map_ = heat_map(connection, scope, form.down.data, form.across.data, form.count.data)
    record(asked, scope, down=map_.down, across=map_.across, count=form.count.data, format="csv")
    heading = (AXES[map_.down], *(words_of(map_.across, column) for column in map_.columns))
    rows = ((words_of(map_.down, line), *(map_.cells[line, c].value for c in map_.columns)) for line in map_.lines)
    return as_file(f"heat-map-{scope.first}-{scope.last}.csv", heading, rows)


def _timeline(form: Timeline, scope: Scope) -> tuple[str, tuple[Bucket, ...], int]:
    like = _like()
    with engine().connect() as connection:
        uncounted = behind(connection)
        if like:
            return "hour", hours_like(connection, scope, like.get("weekday"), like.get("at")), uncounted
        step = step_for(scope, form.step.data)
        return step, timeline(connection, scope, step), uncounted


def _like() -> Mapping[str, int]:
    """The weekday and hour of the day whose hours alone are shown, as a cell of the heat map asks."""
    given = {name: request.args.get(name, type=int) for name in ("weekday", "at")}
    within = {"weekday": range(len(WEEKDAYS)), "at": range(24)}
    return {name: value for name, value in given.items() if value is not None and value in within[name]}


def _of_axis(map_: heat.HeatMap, axis: str) -> Sequence[str]:
    return map_.lines if map_.down == axis else map_.columns if map_.across == axis else ()


def _behind(scope: Scope, entries: Filter, map_: heat.HeatMap, cell: heat.Cell) -> str:
    """Where the entries behind a cell are: the log's list; or, for weekdays and hours, the hours that they are in."""
    means = {map_.down: cell.down, map_.across: cell.across}
    if heat.OTHERS in means.values() or any(not value for value in means.values()):
        return ""
    narrowed: dict[str, Any] = {name: value for name, value in means.items() if name in DIMENSIONS}
    if len(narrowed) == 2:
        for name in sorted(narrowed.keys() - scope.narrowing().keys()):
            entries = entries.where(name, narrowed[name])
        return url_for("audit.entries", filter=str(entries))
    within = replace(scope, **narrowed)
    clock = {"weekday": means.get("weekday"), "at": means.get("hour")}
    span = {"since": scope.first, "until": scope.last, "agency": within.source, "group": within.group}
    given = {**span, "dataset": within.dataset, **clock}
    shown: dict[str, Any] = {name: value for name, value in given.items() if value not in (None, "")}
    return url_for("watch.over_time", **shown)
