"""A grid of settings on the simulator: what is played, the table it gives, and who is faster."""
