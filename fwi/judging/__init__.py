"""The evaluate job: scores of trained networks, the seismic misfit, figures, the page."""
