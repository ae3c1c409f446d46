"""`sluicegate demo`: two releases in about a minute, on one machine.

Read in this order: `play` (what happens when), `script` (the acts), `models` (how they
answer), `gateway_process` (what is started, with which configuration), `visitors` (the
traffic), `ledger` (what it counts), `gate` (what the gateway is asked), `story` and
`evidence` (what it says), `scene` (all accounts, held against each other), `stage` (how it
looks), `ending` (what it came to).
"""
