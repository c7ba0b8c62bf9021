"""What would make the next run fail or hang: one subject a file, each with its facts, a reader that
gathers them and a pure judgement of them. :mod:`runner.preflight` puts them together."""
