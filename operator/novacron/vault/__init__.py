"""Secrets: where they come from, and which files a workload sees. The operator never reads one."""
