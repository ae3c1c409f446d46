"""Where the planes meet: what goes down to the workers and what comes up from them."""
