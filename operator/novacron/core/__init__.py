"""Pure Kubernetes vocabulary: no I/O, no clock, standard library only."""
