"""How good a text is and which domain it is of: classifiers trained in a run (`scores`, `classifier`), perplexity."""
