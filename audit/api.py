"""Stub; the room's owner replaces it."""

from flask import Blueprint

log = Blueprint("log", __name__)
