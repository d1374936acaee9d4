"""The verbs: each plans from values and acts in one place."""
