"""The inner package that libraries reach into."""
