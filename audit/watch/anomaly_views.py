"""What stands out: the list with its reasons, its file, and saying what came of a finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

from flask import Blueprint, Response, abort, current_app, flash, g, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from audit import asking
from audit.days import LEGAL_ZONE, instant_of, legal_day
from audit.published import engine
from audit.tally.keeping import behind
from audit.watch.anomalies import Ended, findings
from audit.watch.asked import DAYS, Anomalies, Review, filled, rules_of, scope_of
from audit.watch.finding import KINDS, Finding, Rules
from audit.watch.recording import LOOK, TAKE, as_file, begun, here, not_asked, record
from audit.watch.reviewing import VERDICTS, review, reviews_of

anomalies = Blueprint("anomalies", __name__)

PAGE = 50
HEADING = (
    "time",
    "kind",
    "reason",
    "person",
    "client",
    "group",
    "dataset",
    "numbers",
    "filter",
    "finding",
    "verdict",
    "note",
)


@anomalies.get("/anomalies")
def index() -> tuple[str, int] | str:
    """What stands out in a span of days, newest first, and what was said of it."""
    form, asked = Anomalies(request.args), begun(LOOK, "anomalies")
    if not form.validate():
        return render_template("audit/watch/anomalies.html", form=form, rules=None), 400
    scope = scope_of(form, legal_day(asked.at), DAYS["anomalies"])
    rules = rules_of(form, scope)
    ended = _ended()
    with engine().connect() as connection:
        found = findings(connection, rules, ended or {}, _kinds(form))
        said = reviews_of(connection, (finding.key for finding in found))
        uncounted = behind(connection)
    record(asked, scope, **_facts(rules, form))
    open_ = [finding for finding in found if form.reviewed.data or not _settled(said, finding)]
    begin = PAGE * (max(request.args.get("page", 1, type=int), 1) - 1)
    shown = open_[begin : begin + PAGE]
    return render_template(
        "audit/watch/anomalies.html",
        form=filled(form, scope),
        rules=rules,
        scope=scope,
        found=shown,
        said=said,
        count=len(open_),
        settled=len(found) - len(open_),
        begin=begin,
        by_kind={kind: sum(finding.kind == kind for finding in open_) for kind in KINDS},
        kinds=KINDS,
        verdicts=VERDICTS,
        knows_leavers=ended is not None,
        uncounted=uncounted,
        zone=LEGAL_ZONE,
        instant_of=instant_of,
        sentence=_sentences(shown),
        names=asking.names_of(review.actor for review in said.values()),
        review_form=Review(),
        file=here("anomalies.as_csv", page=None),
        earlier=here("anomalies.index", page=begin // PAGE) if begin else "",
        later=here("anomalies.index", page=begin // PAGE + 2) if begin + PAGE < len(open_) else "",
        address=here,
    )


@anomalies.get("/anomalies.csv")
def as_csv() -> Response:
    """The whole list as a file, what was reviewed too."""
    form, asked = Anomalies(request.args), begun(TAKE, "anomalies")
    if not form.validate():
        return not_asked()
    scope = scope_of(form, legal_day(asked.at), DAYS["anomalies"])
    rules = rules_of(form, scope)
    with engine().connect() as connection:
        found = findings(connection, rules, _ended() or {}, _kinds(form))
        said = reviews_of(connection, (finding.key for finding in found))
    record(asked, scope, **_facts(rules, form), format="csv")
    sentence = _sentences(found)
    return as_file(
        f"anomalies-{rules.first}-{rules.last}.csv", HEADING, (_line(each, sentence[each.key], said) for each in found)
    )


@anomalies.post("/anomalies/<key>")
def say(key: str) -> AnyResponse:
    """Say what came of a finding: it is recorded, and leaves the list if nothing more is to be done."""
    form, said = Anomalies(request.args), Review(request.form)
    if not form.validate() or not said.validate():
        flash("; ".join(text for texts in said.errors.values() for text in texts) or "Ask again.", "danger")
        return redirect(here("anomalies.index"), 303)
    asked = begun(LOOK, "anomalies")
    rules = rules_of(form, scope_of(form, legal_day(asked.at), DAYS["anomalies"]))
    connection = _session().connection()
    found = findings(connection, rules, _ended() or {}, _kinds(form))
    finding = next((each for each in found if each.key == key), None) or abort(404)
    review(connection, finding, said.verdict.data, said.note.data.strip(), g.identity.pseudonym, asked.at)
    _session().commit()
    flash(f"Recorded: {VERDICTS[said.verdict.data]}.", "success")
    return redirect(here("anomalies.index"), 303)


def _kinds(form: Anomalies) -> Sequence[str]:
    return (form.kind.data,) if form.kind.data else ()


def _facts(rules: Rules, form: Anomalies) -> dict[str, Any]:
    """The rules in the words of the log; the days stand beside them already."""
    return {"kind": form.kind.data, **{name: value for name, value in asdict(rules).items() if isinstance(value, int)}}


def _settled(said: Any, finding: Finding) -> bool:
    return finding.key in said and said[finding.key].settled


def _ended() -> Ended | None:
    """Who has left, as whoever has the directory says; None where nobody was handed in who knows."""
    hook = current_app.extensions.get("ended_persons")
    return cast(Ended, hook(_session())) if hook else None


def _session() -> Any:
    database: Any = current_app.extensions["sqlalchemy"]
    return database.session


def _sentences(found: Sequence[Finding]) -> dict[str, str]:
    """The findings' reasons with names in them."""
    names = asking.names_of(finding.actor for finding in found if finding.actor)
    titles = asking.titles_of(finding.dataset for finding in found if finding.dataset)
    return {
        finding.key: finding.says.format(
            person=names.get(finding.actor, finding.actor) or "somebody",
            client=finding.client,
            group=finding.group,
            dataset=titles.get(finding.dataset, finding.dataset),
        )
        for finding in found
    }


def _line(finding: Finding, sentence: str, said: Any) -> Sequence[Any]:
    last = said.get(finding.key)
    numbers = "; ".join(f"{name}: {value}" for name, value in finding.numbers)
    who = (finding.actor, finding.client, finding.group, finding.dataset)
    what = (instant_of(finding.at).isoformat(), KINDS[finding.kind], sentence, *who, numbers, str(finding.entries))
    return (*what, finding.key, last.verdict if last else "", last.note if last else "")
