"""From recorded runs to answers: fits, figures, reports."""
