"""What the four workloads share: pure builders of complete manifests."""
