"""Callbacks for libraries that have none of their own."""
