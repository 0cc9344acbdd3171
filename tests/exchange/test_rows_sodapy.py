"""sodapy, unchanged, against a real HTTPS server: what a script made for data.ct.gov does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from exchange.db import db
from tests.conftest import NOON
from tests.makers.rows import make_open_dataset
from tests.makers.tls import over_tls

sodapy = pytest.importorskip("sodapy")


@pytest.fixture
def domain(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The application behind TLS on loopback; the domain that a script would name."""
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON)
    db.session.commit()
    with over_tls(app, tmp_path) as (name, certificate):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        yield name


def test_sodapy_reads_filters_pages_and_describes(domain: str) -> None:
    with sodapy.Socrata(domain, None, timeout=30) as client:
        assert len(client.get("abcd-1234")) == 1000
        strong = client.get(
            "abcd-1234", where="magnitude > 5", select="source, magnitude", order="magnitude DESC", limit=5
        )
        assert [float(row["magnitude"]) for row in strong] == sorted(
            (float(r["magnitude"]) for r in strong), reverse=True
        )
        assert client.get("abcd-1234", select="count(*)") == [{"count": "2500"}]
        assert {row["source"] for row in client.get("abcd-1234", source="pr", limit=10)} == {"pr"}
        everything = list(client.get_all("abcd-1234"))
        assert [row["earthquake_id"] for row in everything] == [f"q{number:07}" for number in range(2500)]
        assert client.get("abcd-1234", content_type="csv", limit=2)[0][:2] == ["source", "earthquake_id"]
        metadata = client.get_metadata("abcd-1234")
        assert metadata["name"] == "Earthquakes" and len(metadata["columns"]) == 8
        with pytest.raises(Exception, match="No such column"):
            client.get("abcd-1234", select="nosuch")
