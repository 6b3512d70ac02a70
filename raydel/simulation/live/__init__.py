"""Pairs of phones over real sockets, measured where the truth is known.

Each played phone has a `Clock` of its own, made from one monotonic clock of this
machine, *machine time*: what any of them shows at any instant is known exactly. The
sockets are elsewhere, in `raydel.cli.pairs`; here is what is noted of them, and what
follows from it.

Skew and alignment compare two phones, so server time cancels out. Whether a bound held
is a matter of server time, which no client sees: `ServerTime` tells how closely the
messages themselves pin it down.
"""
