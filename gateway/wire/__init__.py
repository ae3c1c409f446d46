"""HTTP/1.1 heads and framing: what is forwarded, what is refused. Pure; RFC 9110, 9112."""
