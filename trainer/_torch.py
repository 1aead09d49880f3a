"""The one place that imports torch and safetensors, an extra, so that a missing one is explained once."""

import os

# Threads of a processor wait for each other thousands of times a step. By default they spin while they do, and where
# another process wants the core, a step takes minutes: they had better sleep soon (docs/decisions.md).
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

try:
    import torch as torch  # noqa: PLC0414  (re-exported)
    from safetensors import SafetensorError as SafetensorError  # noqa: PLC0414
    from safetensors import safe_open as safe_open  # noqa: PLC0414
    from safetensors.torch import save_file as save_file  # noqa: PLC0414
except ImportError as error:
    raise ImportError("training needs PyTorch, which is not installed: pip install 'gristmill[train]'") from error
