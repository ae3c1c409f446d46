"""TLS: from files to contexts of the ssl module, and what is in a certificate."""
