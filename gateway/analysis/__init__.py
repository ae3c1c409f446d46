"""What many exchanges say together: exact, mergeable counts and what follows from them.

Evidence, from the first exchange of a key to a verdict:

    observe.py       an exchange, as bins and losses of each metric
    unit_book.py     which exchange counts, once, and with which coin
    assigned.py      which units came, and where they were sent, before any answer
    counts.py        what was counted, where
    trial.py         wealth moves, and verdicts come out; beneath it:
      lessons.py       what bets are made from, and when
      comparison.py    how each kind of metric bets; comparisons/ are the kinds
      regressions.py   is it worse? by metric, segment and window
      proofs.py        is it proven not to be, in this step?
      mirrored.py      both, by copied requests; limits.py: absolute ceilings
      sample_ratio.py  did units go where the coins say? when they come, and when they end
      assessing.py     what all of it comes to
    design.py        what is compared, frozen at the start; metrics.py, ladder.py and
                     shares.py make it of a plan
    plan.py          what a plan can find and prove, before it begins

Apart from these, histogram.py and sums.py: what operators see of all traffic.
"""
