"""Reads an input file that is not there."""

from pathlib import Path

Path("train_samples/CurveVel_A/data/data1.npy").read_bytes()
