"""Zero mean and unit variance per channel, over the images one may learn from."""

from collections.abc import Iterable
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

    @classmethod
    def of_rows(cls, blocks: Iterable[NDArray[np.float64]], channels: int) -> "Moments":
        """Return those of numbers (n, channels) that come in blocks; NaN counts for nothing.

        The sums of squares are about the mean (Chan, Golub, LeVeque 1979). What does not vary has the deviation 1.
        """
        count, mean, squares = np.zeros(channels), np.zeros(channels), np.zeros(channels)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            for block in blocks:
                there = ~np.isnan(block)
                n = there.sum(0)
                of_block = np.where(there, block, 0).sum(0) / n
                deviations = np.where(there, block - of_block, 0)
                shift = np.where(n > 0, of_block - mean, 0)
                total = count + n
                squares += np.square(deviations).sum(0) + np.where(n > 0, shift**2 * count * n / total, 0)
                mean += np.where(n > 0, shift * n / total, 0)
                count = total
            std = np.sqrt(squares / count)
        return cls(np.where(count > 0, mean, np.nan), np.where(std == 0, 1.0, std))


def standardized(pixels: NDArray[np.uint8], moments: Moments) -> NDArray[np.float32]:
    """Return images (N, H, W, channels) as rows (N, H * W * channels) of (pixel - mean) / std."""
    return ((pixels - moments.mean) / moments.std).astype(np.float32).reshape(len(pixels), -1)
