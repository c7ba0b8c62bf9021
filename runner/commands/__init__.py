"""What each command of ``python -m runner`` takes and does; one command a file."""
