"""A key's secret in a file that only its owner can read."""

import os
from pathlib import Path


def read_secret(file: Path) -> str:
    """Return the secret in the file, empty where there is none. Raises OSError where it may not be read."""
    return file.read_text().strip() if file.exists() else ""


def write_secret(file: Path, secret: str) -> None:
    """Put a secret in the place of what the file held. Raises OSError."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(f"{secret}\n")
