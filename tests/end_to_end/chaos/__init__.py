"""Everything fails at once, for minutes, by seeded dice."""
