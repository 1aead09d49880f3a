"""The one place that imports torch, which is an extra, so that a missing one is explained once."""

try:
    import torch as torch  # noqa: PLC0414  (re-exported)
except ImportError as error:
    raise ImportError("training needs PyTorch, which is not installed: pip install 'gristmill[train]'") from error
