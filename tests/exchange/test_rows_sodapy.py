"""sodapy, unchanged, against a real HTTPS server: what a script made for data.ct.gov does."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from flask import Flask
from werkzeug.serving import make_server

from exchange import clock
from exchange.db import db
from tests.conftest import NOON
from tests.makers.rows import make_open_dataset

sodapy = pytest.importorskip("sodapy")


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture
def domain(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The application behind TLS on loopback; the domain that a script would name."""
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON)
    db.session.commit()
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = make_server("localhost", 0, app, threaded=True, ssl_context=context)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    yield f"localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


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
