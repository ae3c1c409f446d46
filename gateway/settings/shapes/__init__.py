"""The keys of the configuration: types, defaults, descriptions, and what is planned."""
