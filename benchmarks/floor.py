"""Floors: the least that any server could do. A bare Flask route, and one that returns bytes it already has."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask, Response

app = Flask(__name__)
BODIES = {path.stem: path.read_bytes() for path in Path(os.environ.get("FLOOR_BODIES", "/nonexistent")).glob("*.json")}


@app.get("/bare")
def bare() -> str:
    """Two bytes."""
    return "ok"


@app.get("/same/<name>")
def same(name: str) -> Response:
    """The same bytes that the real server answered, from memory."""
    return Response(BODIES[name], content_type="application/json")
