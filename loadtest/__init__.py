"""Speed and memory under load: measured here, never asserted in a timed test.

`compare` (CPU per request against other proxies), `open_loop` (latency),
`memory`, `weight_changes`. README.md says what each number means.
"""
