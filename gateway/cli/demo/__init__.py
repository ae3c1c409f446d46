"""`sluicegate demo`: the whole product in half a minute, on one machine.

Read in this order: `play` (what happens when), `chapters` (the script), `models` and
`gateway_process` (what is started), `visitors` (the traffic), `ledger` (what it
counts), `stage` (how it looks), `ending` (what it came to).
"""
