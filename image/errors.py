"""What can go wrong while an image is built; each text names what failed and the remedy."""

from __future__ import annotations


class ImageError(Exception):
    """An image cannot be built; the text says why and what to do."""
