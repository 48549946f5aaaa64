"""One HTML page of what was done and measured, and its pictures and plots as files."""
