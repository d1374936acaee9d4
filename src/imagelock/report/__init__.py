"""Render outcomes as text, JSON and other reports; nothing is computed here."""
