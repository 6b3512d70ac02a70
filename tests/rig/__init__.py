"""The rig: the real program, killed and starved by seeded schedules.

A schedule is drawn from a seed, played with two phones against the program in a
process of its own, and what the phones and the server tell afterwards is held
against `tests.promises`. ``python -m tests.rig.soak --seed 7`` plays the schedule
of one seed again.
"""
