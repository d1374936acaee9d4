"""Lists of images: plain text, Epiphany requirements, StarlingX tag files."""
