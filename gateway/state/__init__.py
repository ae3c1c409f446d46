"""What must survive a restart: weights and rollouts, evidence, the journal, the epoch."""
