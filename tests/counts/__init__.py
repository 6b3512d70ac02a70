"""How much is done for one relay, and kept for one connection: counted, not timed."""
