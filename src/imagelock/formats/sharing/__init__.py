"""Ask who else uses the characters of a place: a digest goes only where every use is an image."""
