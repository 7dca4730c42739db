"""What people see of a comparison and of a run: tables, timelines, findings, a story."""
