"""The record of traces, ``images.trace``: read strictly, written deterministically."""
