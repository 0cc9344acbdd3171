"""Stub; the room's owner replaces it."""
from flask import Blueprint
portal = Blueprint("portal", __name__)
