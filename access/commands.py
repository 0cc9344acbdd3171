"""Stub; the room's owner replaces it."""
import click

@click.group("access")
def access() -> None:
    """Stub."""
