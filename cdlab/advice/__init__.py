"""Which architecture fits a team: what the team says of itself, played, weighed and explained."""
