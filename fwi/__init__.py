"""Seismic full-waveform inversion: data, networks, training, inference."""
