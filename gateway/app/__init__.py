"""The only places where things are built and joined: supervisor, controller, worker."""
