"""Personal data in texts: where it is, and texts without it.

`find` and `find_batch` tell e-mail addresses, telephone numbers, public IP addresses, bank accounts, payment cards and
national identity numbers, with their places; `mask` puts placeholders in their stead. A compiled walk
(`candidates`) picks what is looked at closely, by one module for each kind.
"""

from gristmill.filters.personal.masking import mask
from gristmill.filters.personal.regions import of_url
from gristmill.filters.personal.search import find, find_batch
from gristmill.filters.personal.spans import KINDS, Span, placeholder

__all__ = ["KINDS", "Span", "find", "find_batch", "mask", "of_url", "placeholder"]
