"""Judge without writing: check, drift, render, why, summary, doctor."""
