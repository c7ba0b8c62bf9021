"""Networks from seismic cubes to velocity maps: ``build(name, **options)``."""

from fwi.models.registry import build, names

__all__ = ["build", "names"]
