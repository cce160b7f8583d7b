"""What NovaCron lives with, real and as pods of the e2e cluster: PostgreSQL, Redis, OpenBao, External Secrets,
metrics-server, CoreDNS.

There is no registry: programs are built from checked-in Go modules (tests/e2e) or taken from Debian packages, packed as
images here and handed to the node. Played controllers for simulated nodes are elsewhere: tests/support/neighbours.py.
"""
