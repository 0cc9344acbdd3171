"""Stub; the room's owner replaces it."""

from flask import Blueprint

hub = Blueprint("hub", __name__)
