"""Reads an array file that was cut off. Takes the folder to make it in."""

import sys
from pathlib import Path

import numpy as np

whole = Path(sys.argv[1]) / "whole.npy"
np.save(whole, np.zeros((100, 70, 70), np.float16))
cut = whole.with_name("cut.npy")
cut.write_bytes(whole.read_bytes()[:5000])
np.load(cut)
