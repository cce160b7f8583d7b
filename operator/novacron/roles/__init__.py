"""Composition roots: one module for each role and command; nothing else builds clients or reads the environment."""
