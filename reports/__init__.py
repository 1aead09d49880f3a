"""Questions to an output folder, and pages about it: SQL over its tables. Knows files, not pipelines."""
