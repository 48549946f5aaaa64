"""`refine fit` and `refine validate`: Lightning's command line, presets, callbacks and runs."""
