"""Prints frightening lines that were caught, and ends well."""

print("RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB; retrying with batch 32")
print("Killed process 1234 (python) total-vm:1kB; exit 137; Segmentation fault")
