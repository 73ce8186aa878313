"""Runs every benchmark in a process of its own. Exits with 1 where a target was missed."""

from __future__ import annotations

import subprocess
import sys

NAMES = ("dispatch", "digits", "validate", "scale", "memory", "first_step", "gan", "lsp", "tensorflow")


def main() -> int:
    chosen = sys.argv[1:] or NAMES
    missed = [name for name in chosen if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode]
    print(f"missed: {', '.join(missed)}" if missed else "all targets met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
