"""What runs in a workload's process: the wall that all four stand behind, and auth's own service."""
