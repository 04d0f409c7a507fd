"""Configuration values: declared bounds, safe instantiation, and what a configuration may ask for."""
