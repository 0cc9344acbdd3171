"""Stub; the room's owner replaces it."""
from flask import Blueprint
oauth = Blueprint("oauth", __name__)
