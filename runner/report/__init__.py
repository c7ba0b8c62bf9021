"""A run's report: for the terminal and as Markdown."""
