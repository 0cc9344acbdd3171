"""Tallies: counts over the log, kept with it, so that ten million entries answer in an instant.

They are derived: `tables` holds them, `counting` says what an entry adds, `keeping` adds it in the transaction that
gives entries their index, `comparing` counts everything again for `flask audit verify`. The entries alone are evidence.
"""
