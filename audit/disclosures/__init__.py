"""Disclosures by person: who was given records about somebody, found by a keyed hash of that person's key."""
