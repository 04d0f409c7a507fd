"""The figures of a report: each answers one question."""
