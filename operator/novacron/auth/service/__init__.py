"""What pods run: the wall around every workload's routes, and the routes of auth itself."""
