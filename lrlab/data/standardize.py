"""Zero mean and unit variance per channel, over the images one may learn from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 2000  # images handled at a time, so that no array of the whole set is made in between


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each channel, in units of a pixel; both (channels,) float64."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> "Moments":
        """Return those of images (N, H, W, channels); the sums are integers, exact and the same on every machine."""
        total = np.zeros(pixels.shape[-1], np.int64)
        squares = np.zeros_like(total)
        for start in range(0, len(pixels), BLOCK):
            block = pixels[start : start + BLOCK].reshape(-1, pixels.shape[-1])
            total += block.sum(0, dtype=np.int64)
            squares += np.square(block, dtype=np.uint16).sum(0, dtype=np.int64)
        count = pixels.size // pixels.shape[-1]
        mean = total / count
        return cls(mean, np.sqrt(squares / count - mean**2))


def standardized(pixels: NDArray[np.uint8], moments: Moments) -> NDArray[np.float32]:
    """Return images (N, H, W, channels) as rows (N, H * W * channels) of (pixel - mean) / std."""
    return ((pixels - moments.mean) / moments.std).astype(np.float32).reshape(len(pixels), -1)
