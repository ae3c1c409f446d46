"""What stands behind the proxy: a model server that misbehaves on command, and nginx.

`model_server` is the command; `behaviour` is the list of what can go wrong.
"""
