"""The whole story in order: the main job over HTTP, on a file given to it or on the demo's own."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from urllib.error import URLError

import click

from demo import acts_of_access, acts_of_agreement, acts_of_data, acts_of_record
from demo.browser import Browser, PageError
from demo.plot import plot_of
from demo.stage import Stage
from exchange import clock
from exchange.errors import Conflict, Unavailable
from exchange.settings import Settings


def tell(settings: Settings, data: Path | None, url: str) -> None:
    """Tell it. Raises `Unavailable` if no server answers, `Conflict` at the first step that is not as it should be."""
    if not settings.demo_credentials.exists():
        raise Unavailable("The demo is not loaded here. Run make run first, and leave it running.")
    stage = Stage(url.rstrip("/"), json.loads(settings.demo_credentials.read_text()))
    file = data or settings.data_dir / "demo" / "files" / "student_attendance.csv"
    took = clock.stopwatch()
    try:
        Browser(stage.origin).get("/healthz")
        _acts(stage, settings, file)
    except (URLError, ConnectionError) as error:
        raise Unavailable(
            f"No server answers at {stage.origin}. Start it with make run, then tell the story again."
        ) from error
    except PageError as error:
        raise Conflict(f"The story stopped in act {stage.number}: {error}") from error
    click.echo(click.style(f"\nThe story is told: {stage.number} acts in {took() / 1000:,.1f} s.", bold=True))


def _acts(stage: Stage, settings: Settings, file: Path) -> None:
    plot = plot_of(file, secrets.token_hex(3))
    four_by_four = acts_of_data.publish(stage, plot)
    cut = acts_of_data.classify(stage, four_by_four, plot)
    acts_of_data.read_open(stage, cut, plot)
    path = acts_of_agreement.draft(stage, four_by_four, plot)
    acts_of_agreement.review(stage, path)
    acts_of_agreement.sign(stage, path)
    acts_of_access.ask(stage, four_by_four, cut, plot)
    reading = acts_of_access.register_client(stage, four_by_four)
    acts_of_access.get_token(stage, reading, path.split("/")[2], plot)
    acts_of_access.read_restricted(stage, reading, plot)
    acts_of_record.audit_it(stage, reading, four_by_four)
    acts_of_record.account_for(stage, plot)
    acts_of_record.end_it(stage, reading, path)
    acts_of_record.verify_it(stage, settings.data_dir)
