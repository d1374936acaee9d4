"""Release tags: files, rules, planning, setting, suggesting."""
