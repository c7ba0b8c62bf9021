"""Known endings → candidate outcomes: tables by origin, and the reading of a log with them."""

from runner.signatures.matching import STARVED, match, with_own_processes
from runner.signatures.signature import Match, Rank, Signature

__all__ = ["STARVED", "Match", "Rank", "Signature", "match", "with_own_processes"]
