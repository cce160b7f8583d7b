"""Exact selection and mergeable sketches, used by query and ml."""
