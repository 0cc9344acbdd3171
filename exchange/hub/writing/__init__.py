"""Writing by programs (reference: soda.md §9): rows and metadata, by a person's own key, through the publishing run."""
