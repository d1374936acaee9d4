"""Release tags: files, their rules, planning and setting, suggesting."""
