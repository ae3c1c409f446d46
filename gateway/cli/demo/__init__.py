"""`sluicegate demo`: the whole product in half a minute, on one machine.

Read in this order: `play` (what happens when), `chapters` (the script), `models` and
`flaws` (how they answer), `gateway_process` (what is started), `visitors` (the traffic),
`ledger` (what it counts), `seen` (what the gateway says), `scene` (both, held against
what the models say), `stage` (how it looks), `ending` (what it came to).
"""
