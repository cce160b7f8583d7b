"""The shell that every workload runs on: listeners, settings, readiness, limits, metrics. Knows no Kubernetes API."""
