"""Stub; the room's owner replaces it."""
import click

@click.group("serve")
def serve() -> None:
    """Stub."""

@click.group("migrate")
def migrate() -> None:
    """Stub."""
