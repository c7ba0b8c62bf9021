"""Profiles: many configurations, each measured in a fresh supervised process."""
