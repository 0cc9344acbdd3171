"""Stub; the room's owner replaces it."""
import click

@click.group("audit")
def audit() -> None:
    """Stub."""
