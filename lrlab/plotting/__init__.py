"""Matplotlib figures as PNG bytes, drawn without a display."""
