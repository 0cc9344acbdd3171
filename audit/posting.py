"""One HTTP request to an address that the operator named: no redirect is followed, and an answer has a limit."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

LARGEST = 1 << 16
"""Bytes of an answer that are read."""


class NoAnswer(Exception):
    """Nobody answered, or not in HTTP; the message says what happened."""


def post(url: str, body: bytes, kind: str, patience_s: float) -> tuple[int, bytes]:
    """Status and body of the answer to a POST. Raises `NoAnswer`."""
    address = urlsplit(url)
    connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    try:
        connection = connect(address.hostname or "", address.port, timeout=patience_s)
        try:
            path = (address.path or "/") + (f"?{address.query}" if address.query else "")
            connection.request("POST", path, body, {"Content-Type": kind})
            answer = connection.getresponse()
            return answer.status, answer.read(LARGEST)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(f"{address.hostname}: {type(error).__name__}: {error}") from error
