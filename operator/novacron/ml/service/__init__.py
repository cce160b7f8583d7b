"""Features for real: inputs, the spill, the pipeline, and the route of the workload."""
