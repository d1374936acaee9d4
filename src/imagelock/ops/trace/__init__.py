"""Learn by rendering what builds each image, and prove the edit that pins it."""
