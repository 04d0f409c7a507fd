"""The SGEMM peak: GFLOP/s of a product of large square float32 matrices, one thread in each process."""

import multiprocessing
import time
from functools import cache
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import numpy as np

from lrlab.runtime.environment import limit_blas

SIDE = 2048  # of the matrices


def peak(side: int = SIDE) -> float:
    """GFLOP/s of one product in this process."""
    a, product = _matrices(side)
    start = time.perf_counter()
    np.matmul(a, a, out=product)
    return 2 * side**3 / (time.perf_counter() - start) / 1e9


def peaks_together(count: int, products: int, side: int = SIDE) -> list[float]:
    """GFLOP/s of each of so many processes that multiply at the same time, over so many products."""
    context = multiprocessing.get_context("spawn")
    barrier, rates = context.Barrier(count), context.SimpleQueue()
    processes = [context.Process(target=_multiply, args=(barrier, rates, products, side)) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode:
            raise ChildProcessError(f"a process that multiplies ended with {process.exitcode}")
    return [rates.get() for _ in processes]


def _multiply(barrier: Barrier, rates: "SimpleQueue[float]", products: int, side: int) -> None:
    limit_blas(1)
    peak(side)  # faults the memory in
    barrier.wait(timeout=60)
    start = time.perf_counter()
    for _ in range(products):
        peak(side)
    rates.put(products * 2 * side**3 / (time.perf_counter() - start) / 1e9)


@cache
def _matrices(side: int) -> tuple[np.ndarray, np.ndarray]:
    a = np.random.default_rng(0).random((side, side), np.float32)
    return a, a @ a  # in memory, and multiplied once
