"""Inputs of the feature pipeline: whatever holds rows becomes chunks, as small as memory asks (docs/decisions/0031)."""
