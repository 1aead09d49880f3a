"""Which language, or languages, a text is in: `model` asks two models and the script; the others are its parts."""
