"""What an answer was: read as it passes, judged when it is over. Pure; no I/O, no clock."""
