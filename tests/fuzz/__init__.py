"""Random bytes, chosen by what they reach, for everything that reads what strangers send.

By hand: `pip install -e '.[fuzz]'`, then `python -m tests.fuzz TARGET SECONDS`.
"""
