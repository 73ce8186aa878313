"""Data sets and batch streams whose position is one number."""
