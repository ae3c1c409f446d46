"""The data plane: one exchange after another, from the client's socket to the endpoint's.

Start with life_of_a_request.py; everything else here is named in it.
"""
