"""Judges what was said, on a sample, off the data path: the evaluators and their desk."""
