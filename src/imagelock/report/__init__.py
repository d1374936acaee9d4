"""An outcome as text, JSON and other reports; presentation only, nothing is computed here."""
