"""What a relay costs: a load of phones, the servers it is put on, and the figures.

`generator` is the load, in a process of its own; `rounds` starts servers and has it
measure them in turn; `figures` is what comes of that. `climb` is the load for
``--scaling``, which grows.
"""
