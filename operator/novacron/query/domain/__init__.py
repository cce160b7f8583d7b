"""What query knows by itself: windows, thresholds, bounds, who may see what. Pure."""
