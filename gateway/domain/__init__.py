"""Values, units and errors: what every floor may speak about. No behaviour beyond them."""
