"""Injected faults: each file is a small real program that goes wrong in one way."""
