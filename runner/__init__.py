"""Supervision of jobs: start, watch, explain, stop, record."""
