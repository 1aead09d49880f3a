"""What a local worker is forked with: imports, the models of languages, and a compiler that has read its own tables.

Importing this module does it. Each phase has workers of its own, so what they would all do first is done here once.
"""

import gc
from importlib import import_module

gc.disable()  # all that imports make stays: looking through it time and again takes 0.3 s
for _name in (
    "gristmill.cli",  # a forked process runs the program's main module again: it finds its imports here
    "gristmill.filters.annotate",
    "gristmill.pipelines.job",
    "gristmill.pipelines.local_workers",
    "gristmill.pipelines.transforms",
):
    import_module(_name)

# Also the first kernels of this process, before which Numba spends 0.3 s on registering what it can compile.
import_module("gristmill.pipelines.annotate").prepare()
gc.enable()
gc.freeze()  # nor shall each worker look through it, and so copy its pages
