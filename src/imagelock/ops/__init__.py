"""The operations behind the commands: plan from values, act in one place."""
