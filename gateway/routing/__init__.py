"""Which service takes a request, which key it sticks by, which version the key gets."""
