"""HTTP in for people: the pages of the service."""
