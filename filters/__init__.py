"""Text in, signals out; rules compare signals with limits, per language and script. Imports schemas only.

`annotate` measures everything at once, `language` names the language, `kernel` and the modules it is made of walk the
text in compiled code, `rules` decides.
"""
