"""Figures of several runs: medians with their spread, and ratios of paired builds."""

from __future__ import annotations

import statistics
import sys


class Figures:
    """Values by build and name, in the order of their first appearance."""

    def __init__(self, builds: list[str]):
        self.builds = builds
        self.units: dict[str, str] = {}
        self.values: dict[tuple[str, str], list[float]] = {}

    def add(self, build: str, name: str, value: float, unit: str) -> None:
        """Of one run; told at once on stderr, for a series may take long."""
        self.units[name] = unit
        self.values.setdefault((build, name), []).append(value)
        print(f"  {name} {value:.4g} {unit}", file=sys.stderr, flush=True)

    def lines(self) -> list[str]:
        """`name value unit (low to high, runs)`; a later build's with its ratio to the first's."""
        lines = []
        for build in self.builds:
            if len(self.builds) > 1:
                lines.append(f"== {build}")
            lines += [self._line(build, name) for name in self.units if (build, name) in self.values]
        return lines

    def _line(self, build: str, name: str) -> str:
        values = self.values[build, name]
        median = statistics.median(values)
        runs = f"{len(values)} run{'s' if len(values) > 1 else ''}"
        line = f"{name:28} {median:8.4g} {self.units[name]:14} ({min(values):.4g} to {max(values):.4g}, {runs})"
        first = self.values.get((self.builds[0], name))
        if build != self.builds[0] and first and statistics.median(first):
            line += f"  x{median / statistics.median(first):.2f}"
        return line
