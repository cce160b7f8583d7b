"""The workload: routes over the schema `query`."""
