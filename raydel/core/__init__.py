"""The pure core: sessions, takes, clocks and messages.

Nothing in here knows a socket, a reactor, a database or a log. Time comes in
as an argument, what should happen goes out as effects.
"""
