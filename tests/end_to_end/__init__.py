"""The real command, real processes, real clients."""
