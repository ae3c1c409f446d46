"""The command line: thin commands, each in its own file; `main` lists them.

A command imports what it needs when it runs, so that `sluicegate --help` stays quick.
"""
