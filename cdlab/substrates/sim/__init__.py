"""The simulated substrate: the boxes of the article in memory, on virtual time."""

from cdlab.substrates.sim.substrate import SimSubstrate

__all__ = ["SimSubstrate"]
