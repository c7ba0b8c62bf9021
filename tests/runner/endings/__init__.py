"""Last words of failed jobs, by where they come from; each table: outcome → wordings."""
