"""The tables of the SQLite store: how each is made, written and read."""
