"""imagelock knows what it wrote itself."""

from __future__ import annotations
