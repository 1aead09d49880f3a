"""SQL and pages over the tables of an output folder: what came out, what did not, and why. Reads, and never decides."""
