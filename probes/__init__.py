"""Measurement of processes, memory and progress; importable without torch."""
