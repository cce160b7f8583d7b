"""The only I/O of the operator: one module for each thing outside."""
