"""Stub; the room's owner replaces it."""
import click

@click.group("demo")
def demo() -> None:
    """Stub."""
