"""The benchmark on kind: what is run in which order, what is written down, what comes out."""
