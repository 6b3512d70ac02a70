"""Phones and networks that are played, to show by figures what a method is worth.

`trial` judges ways to measure a clock, by arithmetic alone. `stage` plays whole takes
through the server's own code, in virtual time: no reactor, and no real time, is there.
"""
