"""Services that stay running: the embedded registry."""
