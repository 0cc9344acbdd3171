"""Receipts: what an agency takes home of the entries about its data, to keep and to compare with ours later.

A file of receipts needs nobody's word: each entry comes with its exact bytes and the hashes that lead from it to a
checkpoint that the log signed. `receipt` is the file, `collecting` writes one, `comparing` holds one against a log.
"""
