"""Exercises: what is asked for, how a run answers it, and the participant's folder."""

from pathlib import Path

DEFAULT_FOLDER = Path("cdlab-exercises")
"""Where a participant works who names no other folder."""
