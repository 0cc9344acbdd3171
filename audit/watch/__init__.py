"""Watching over access: by time, by agency, group and dataset, and what stands out. Asked of the tallies."""
