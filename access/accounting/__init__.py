"""The accounting of disclosures of one person's records: who was given them, when, why, by which authority."""
