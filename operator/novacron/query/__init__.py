"""Users, metrics of virtual machines, the dashboard and percentiles."""
