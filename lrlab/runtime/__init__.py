"""The process lrlab runs in: its signals, its identity, its entry point, its processor and BLAS."""
