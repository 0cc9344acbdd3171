"""Stub."""
def identity_of_request(): return None
