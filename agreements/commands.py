"""Stub; the room's owner replaces it."""
import click

@click.group("agreements")
def agreements() -> None:
    """Stub."""
