"""Readers of what is plain enough to be read without a parser; a test holds each against the parser."""
