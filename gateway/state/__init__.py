"""What must survive a restart: the weights in force, who set them, and the epoch."""
