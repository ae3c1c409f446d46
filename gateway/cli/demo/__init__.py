"""`sluicegate demo`: two releases in a minute and a half, on one machine.

Read in this order: `play` (what happens when), `script` (the acts), `passages` (what there
is to know), `models` (how they answer), `judge` (who reads the answers), `gateway_process`
(what is started, with which configuration), `visitors` (the traffic), `ledger` (what it
counts), `gate` and `judging` (what the gateway is asked), `story`, `evidence` and
`verdicts` (what it says), `scene` (all accounts, held against each other), `stage` (how it
looks), `ending` (what it came to).
"""
