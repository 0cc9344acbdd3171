"""Addresses and example commands that a dataset's page shows, so that a reader can copy and run them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from exchange.rows.soql.selects import MAX_LIMIT


@dataclass(frozen=True)
class Address:
    """A link with its words."""

    label: str
    url: str


@dataclass(frozen=True)
class Example:
    """A command or a few lines of a program, in a language."""

    language: str
    text: str


def rows_addresses(origin: str, dataset_id: str) -> list[Address]:
    """Where the rows are, as JSON and CSV; the same addresses as on data.ct.gov."""
    return [
        Address("Rows as JSON", f"{origin}/resource/{dataset_id}.json"),
        Address("Rows as CSV", f"{origin}/resource/{dataset_id}.csv"),
        Address("Description as JSON", f"{origin}/api/views/{dataset_id}.json"),
        Address("Files of all rows, with sizes and SHA-256", f"{origin}/api/views/{dataset_id}/manifest.json"),
    ]


def downloads(dataset_id: str, rows: int) -> list[Address]:
    """The whole current version; `rows` is its number of rows, since without a limit the first 1,000 are sent."""
    everything, file = urlencode({"$limit": max(rows, 1)}), f"/api/views/{dataset_id}/rows"
    within = rows <= MAX_LIMIT
    return [
        Address("All rows as CSV", f"/resource/{dataset_id}.csv?{everything}" if within else f"{file}.csv"),
        Address("All rows as JSON", f"/resource/{dataset_id}.json?{everything}" if within else f"{file}.json"),
        Address("All rows as a spreadsheet", f"{file}.xlsx?accessType=DOWNLOAD"),
    ]


def examples(origin: str, dataset_id: str, column: str, rows: int) -> list[Example]:
    """Ways to read the first rows; `column` is one of the dataset's, for the ordered example."""
    limit = max(rows, 1)
    host, scheme = urlsplit(origin).netloc, urlsplit(origin).scheme
    csv = f"{origin}/resource/{dataset_id}.csv"
    sodapy = [
        "from sodapy import Socrata",
        f'client = Socrata("{host}", None)',
        *(['client.uri_prefix = "http://"  # this installation has no TLS'] if scheme == "http" else []),
        f'rows = client.get("{dataset_id}", limit=10)',
    ]
    ordered = f"curl --get {origin}/resource/{dataset_id}.json --data-urlencode '$order={column}' -d '$limit=5'"
    return [
        Example("Shell (curl)", ordered),
        Example("Python (pandas)", f'import pandas\ntable = pandas.read_csv("{csv}?$limit={limit}")'),
        Example("Python (sodapy)", "\n".join(sodapy)),
        Example("R", f'table <- read.csv("{csv}?$limit={limit}")'),
    ]
