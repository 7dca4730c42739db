"""The HTTP API and the page of the release manager. Needs the extra `dashboard`."""
