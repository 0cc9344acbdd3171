"""Stub; the room's owner replaces it."""

from flask import Blueprint

audit = Blueprint("audit", __name__)
