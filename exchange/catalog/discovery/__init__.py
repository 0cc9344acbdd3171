"""The catalogue for programs: `/api/catalog/v1`, as the old portal answered (reference: soda.md §8)."""
