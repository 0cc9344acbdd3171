"""Stub; the room's owner replaces it."""

import click


@click.group("publish")
def publish() -> None:
    """Stub."""
