"""Workload ml: features of large inputs in bounded memory."""
