"""Assembly: `create_app(settings)` puts the four packages together; ENTRANCES says who may enter where.

A blueprint that is not in ENTRANCES answers nobody. Finer rules (this agency, this agreement, this state)
belong to the commands of the domain, which refuse with a reason.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click
from flask import Blueprint, Flask, Response, g, request
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect

from access import guards, login, traces
from audit.ledger import Ledger
from exchange import settings as settings_room
from exchange.db import begin_reading_only, db, engine_options, prepare_engine
from exchange.errors import Refused
from exchange.portal import error_pages, headers, navigation, repeating
from exchange.rows import limits
from exchange.settings import Settings


@dataclass(frozen=True)
class Entrance:
    """One row of the table: where a blueprint is, under which prefix, and who may enter."""

    blueprint: str
    prefix: str
    who: Callable[[], None]


ENTRANCES = (
    Entrance("access.accounting.views:accounting", "/audit/disclosures", guards.accountant),
    Entrance("access.desk_views:desks", "", guards.anyone),
    Entrance("access.desk_views:sign_in", "", guards.anyone),
    Entrance("access.request_views:requests", "/requests", guards.signed_in),
    Entrance("access.request_views:grants", "/grants", guards.signed_in),
    Entrance("access.request_views:clients", "/clients", guards.signed_in),
    Entrance("access.key_views:keys", "/developers/keys", guards.signed_in),
    Entrance("access.oauth.api:oauth", "", guards.client_proves_itself),
    Entrance("access.evidence.views:open_rows", "/audit/open-rows", guards.auditor),
    Entrance("agreements.duties.views:duties", "/duties", guards.signed_in),
    Entrance("agreements.views:agreements", "/agreements", guards.signed_in),
    Entrance("agreements.views:register", "/register", guards.anyone),
    Entrance("audit.api:log", "/audit", guards.anyone),
    Entrance("audit.receipts.views:receipts", "/audit/receipts", guards.receives),
    Entrance("audit.signing.views:vouching", "/audit", guards.anyone),
    Entrance("audit.views:audit", "/audit", guards.auditor),
    Entrance("audit.watch.views:watch", "/audit", guards.auditor),
    Entrance("audit.watch.anomaly_views:anomalies", "/audit", guards.auditor),
    Entrance("audit.desk.views:audit_desk", "/audit", guards.auditor),
    Entrance("audit.desk.saved_views:audit_searches", "/audit", guards.auditor),
    Entrance("audit.desk.sample_views:audit_samples", "/audit", guards.auditor),
    Entrance("audit.retention.views:retention", "/audit/retention", guards.record_keeper),
    Entrance("audit.opening.views:personal", "/audit/personal", guards.auditor),
    Entrance("exchange.catalog.subject_views:subjects", "/subjects", guards.publisher),
    Entrance("exchange.classification.views:classification", "/classification", guards.signed_in),
    Entrance("exchange.directory.views:directory", "/directory", guards.signed_in),
    Entrance("exchange.hub.api:writing", "", guards.door),
    Entrance("exchange.hub.describing_api:describing", "", guards.door),
    Entrance("exchange.hub.views:hub", "/publish", guards.publisher),
    Entrance("exchange.portal.old_addresses:old_addresses", "", guards.anyone),
    Entrance("exchange.portal.views:portal", "", guards.anyone),
    Entrance("exchange.portal.operations:operations", "", guards.anyone),
    Entrance("exchange.portal.language:language", "", guards.anyone),
    Entrance("exchange.rows.views_api:views", "", guards.anyone),
    Entrance("exchange.rows.discovery_api:discovery", "", guards.anyone),
    Entrance("exchange.rows.soda3_api:soda3", "", guards.door),
    Entrance("exchange.rows.downloads_api:downloads", "", guards.door),
    Entrance("exchange.rows.api:rows", "", guards.door),
    Entrance("exchange.rows.views:app_tokens", "/developers/tokens", guards.anyone),
)

LOG_HOOKS = {
    "names_of": "exchange.directory.persons:names_of",
    "ended_persons": "exchange.directory.persons:ended_persons",
    "find_pseudonyms": "exchange.directory.persons:find_pseudonyms",
    "titles_of": "exchange.catalog.datasets:titles_of",
    "find_datasets": "exchange.catalog.datasets:find_datasets",
    "ends_of": "access.evidence.leavers:ends_of",
    "duties_of": "access.record_keepers:duties_of",
    "require_recent": "access.login:require_recent",
    "now": "exchange.clock:now",
    "datasets_of_agency": "exchange.catalog.datasets:ids_of_agency",
    "receipts_for": "exchange.directory.listing:receipts_for",
}
"""What the auditor's pages may ask about persons and datasets, since the log itself knows nobody."""

QUESTIONS = ("access.accounting.question:QUESTIONS", "access.evidence.standing:QUESTIONS")
"""Auditors' questions that are answered from live state; the log's own are in `audit.desk`."""

COMMANDS = (
    "access.accounting.commands:disclosures",
    "access.commands:access",
    "agreements.commands:agreements",
    "audit.commands:audit",
    "exchange.hub.commands:publish",
    "exchange.rows.commands:rows",
    "exchange.portal.commands:serve",
    "exchange.portal.commands:migrate",
    "demo.commands:demo",
)

LOG_COMMANDS = (
    "audit.checking_commands:fsck",
    "audit.checking_commands:hammer",
    "audit.receipts.commands:compare",
    "audit.retention.commands:retention",
    "audit.retention.commands:rotate_personal_key",
    "audit.signing.commands:make_key",
    "audit.signing.commands:rotate_key",
    "audit.signing.commands:signer",
    "audit.signing.commands:stamp",
    "audit.signing.commands:succeed_key",
    "audit.signing.commands:witness",
    "audit.streams.commands:stream",
    "audit.tally.commands:rebuild_tallies",
)
"""Commands of the log's own rooms, below `flask audit`."""

TAKES_NO_COOKIE = (guards.door, guards.client_proves_itself)
"""Entrances for programs: they prove themselves in each request, so a forged form cannot borrow anything there."""

OPEN_TO_ALL = (guards.anyone, guards.door)
"""Entrances that let everybody in; what lies open behind them may be repeated word for word."""

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def create_app(settings: Settings | None = None) -> Flask:
    """The application. Without settings, those of the environment. Raises `SettingsError` with all that is wrong."""
    chosen = settings or _settings_of_the_operator()
    os.umask(0o077)  # what this program writes is for its own account only
    app = Flask(__name__)
    app.ensure_sync = _as_it_is  # type: ignore[method-assign, assignment]
    app.url_map.strict_slashes = False
    app.config.update(
        SETTINGS=chosen,
        SECRET_KEY=chosen.secret_key,
        SQLALCHEMY_DATABASE_URI=chosen.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(chosen.database_url),
        BOOTSTRAP_SERVE_LOCAL=True,
        MAX_CONTENT_LENGTH=256 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        WTF_CSRF_TIME_LIMIT=12 * 3600,
    )
    chosen.data_dir.mkdir(parents=True, exist_ok=True)
    headers.install(app)
    _connect(app, chosen)
    entrances = _open_entrances(app)
    _guard(app, entrances)
    for command in COMMANDS:
        app.cli.add_command(_load(command))
    for command in LOG_COMMANDS:
        _load("audit.commands:audit").add_command(_load(command))
    for part in (login, navigation, error_pages):
        part.install(app)
    repeating.install(app, [name for name, who in entrances.items() if who in OPEN_TO_ALL])
    return app


def _as_it_is(view: Callable[..., Any]) -> Callable[..., Any]:
    """No view here is a coroutine; Flask would look at each hook of each request whether it is one."""
    return view


def _settings_of_the_operator() -> Settings:
    """The environment's settings; at the command line what is wrong with them is said without a traceback."""
    try:
        return settings_room.from_environment(os.environ, demo_named=sys.argv[1:2] == ["demo"])
    except settings_room.SettingsError as problem:
        if click.get_current_context(silent=True) is None:
            raise
        raise click.ClickException(problem.message) from problem


def _load(address: str) -> Any:
    module, name = address.split(":")
    return getattr(import_module(module), name)


def _connect(app: Flask, settings: Settings) -> None:
    db.init_app(app)
    Bootstrap5(app)
    app.extensions["csrf"] = CSRFProtect(app)
    with app.app_context():
        prepare_engine(db.engine)
        app.extensions["ledger"] = Ledger(db.engine, settings.data_dir / "audit-append.lock")
    limits.install(app)
    traces.install(app)
    app.extensions["restricted_door"] = _load("access.restricted_reading:RestrictedDoor")(app)
    app.extensions["write_keys"] = _load("access.api_keys:ApiKeys")(app)
    app.extensions["audit_questions"] = tuple(question for address in QUESTIONS for question in _load(address))
    for hook, address in LOG_HOOKS.items():
        app.extensions[hook] = _load(address)


def _open_entrances(app: Flask) -> dict[str, Callable[[], None]]:
    who: dict[str, Callable[[], None]] = {}
    for entrance in ENTRANCES:
        blueprint: Blueprint = _load(entrance.blueprint)
        app.register_blueprint(blueprint, url_prefix=entrance.prefix or None)
        if entrance.who in TAKES_NO_COOKIE:
            app.extensions["csrf"].exempt(blueprint)
        who[blueprint.name] = entrance.who
    return who


def _guard(app: Flask, entrances: dict[str, Callable[[], None]]) -> None:
    @app.before_request
    def enter() -> Response | None:
        g.identity = None
        if request.endpoint in ("static", "bootstrap.static"):
            return None
        begin_reading_only(request.method not in CHANGING)
        guard = entrances.get(request.blueprint or "")
        if guard not in TAKES_NO_COOKIE:
            g.identity = login.identity_of_request()
        if request.routing_exception is not None:
            return None
        if guard is None:
            raise Refused("Nobody may enter here: this address is not in the table of entrances.")
        guard()
        return None

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        if db.session.registry.has():  # an answer from memory has opened none
            db.session.rollback()
        begin_reading_only(False)
