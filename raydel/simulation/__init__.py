"""Phones and networks that are played, to show by figures what a method is worth.

Without the server: of its code only what does arithmetic with times is used.
"""
