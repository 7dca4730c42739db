"""A history as the git, docker and kubectl commands that a person would type."""
