"""The faults of a device, for real: ``make test-gpu`` on a machine with a CUDA device."""
