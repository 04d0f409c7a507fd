"""Reports: sections, figures and the page."""
