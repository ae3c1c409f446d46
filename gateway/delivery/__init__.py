"""The rollout as a machine, pure: where it stands, what happens, where it stands then.

    machine.py      the one table: (where it stands, what happens) -> the rule that answers
    events.py       what can happen, and what an answer is
    commands.py     the rules for what people and the configuration do
    ticks.py        the rules for what time and the evidence do
    moves.py        the moves that both make: into a step, to the end, down
    steps.py        what a step asks before it ends, for each strategy
    causes.py       why, in sentences

README.md draws the table. control/ journals, stores and publishes what comes out of it.
"""
