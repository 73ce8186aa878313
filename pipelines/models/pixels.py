"""Pictures for estimators that take rows of numbers."""

from __future__ import annotations

from typing import Any


def flat(image: Any) -> Any:
    """image: (n, ...) pictures. Gives (n, features)."""
    return image.reshape(len(image), -1)
