"""The cases of requests, by what is odd about them."""
