"""Stub; the room's owner replaces it."""

from flask import Blueprint

classification = Blueprint("classification", __name__)
