"""Stub; the room's owner replaces it."""
from flask import Blueprint
agreements = Blueprint("agreements", __name__)
register = Blueprint("register", __name__)
