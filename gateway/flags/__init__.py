"""The dice that flags and the router share."""
