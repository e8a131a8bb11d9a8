# SPDX-License-Identifier: MIT
"""What a frame of audio costs in the real-time engine: measures, prints one table, saves the run, compares two runs.

    python benchmarks/bench_engine.py [--quick | --full] [--only 'lstm-*'] [--peers LIBRARY ...] [--baseline RUN.json]

`make bench` builds the program that measures (bench_engine.cpp) and calls this. README.md says how to read the table.
"""

from __future__ import annotations

import argparse
import datetime
import fnmatch
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from machine import commit, processor_name

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAM = REPOSITORY / "build" / "bench" / "benchmarks" / "bench_engine"
RUNS = REPOSITORY / "runs" / "bench"
STANDARD_BLOCK = 64
SAMPLE_RATE = 48000
SMALLEST_CHANGE = 0.02
"""Two runs that differ by less are taken for equal, however narrow their spread."""

MODES = {
    "quick": ["--instances", "2", "--rounds", "7", "--checked-seconds", "0.5"],
    "standard": ["--instances", "3", "--rounds", "21"],
    "full": ["--instances", "7", "--rounds", "41", "--chunk-ms", "8", "--checked-seconds", "10"],
}


@dataclass(frozen=True)
class Row:
    """One way to play a model. Rows of a group took turns: round by round they were measured in the same moment."""

    group: str
    library: str
    variant: str
    sizes: str
    isa: str
    exact: bool
    block: int
    streams: int
    oversampling: int
    weight_storage: str
    activations: str
    file: str
    subject: str
    error: float | None
    output_hash: str
    rounds: tuple[float, ...]
    yardstick: float

    @property
    def is_peer(self) -> bool:
        """Whether another library, or an earlier build of ours."""
        return self.subject == "peer"

    @property
    def key(self) -> tuple[object, ...]:
        """Says which row of another run this one is to be compared with."""
        settings = (self.block, self.streams, self.oversampling, self.weight_storage, self.activations)
        return (self.group, self.library, self.variant, self.sizes, self.isa, self.file, *settings)

    @property
    def median(self) -> float:
        """Nanoseconds per frame."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> float:
        """From the tenth to the ninetieth percentile of the rounds, relative to their median."""
        ordered = sorted(self.rounds)
        tenth = round(0.1 * (len(ordered) - 1))
        return (ordered[-1 - tenth] - ordered[tenth]) / self.median

    @property
    def calm(self) -> float:
        """Lower quartile. Neighbours on the machine only ever slow a round down, often for less than half of them."""
        return sorted(self.rounds)[(len(self.rounds) - 1) // 4]

    @property
    def calm_spread(self) -> float:
        """From the fastest round to the median, relative to the lower quartile."""
        return (self.median - min(self.rounds)) / self.calm

    @property
    def label(self) -> str:
        """What the row is about, in words."""
        words = [] if self.library == "fxengine" and not self.is_peer else [self.library]
        if self.variant:
            words.append(self.variant)
        if self.file and self.library == "fxengine":
            words.append(f"({self.file})")
        elif self.is_peer:
            words.append(self.sizes)
        if self.block != STANDARD_BLOCK:
            words.append(f"block {self.block}")
        if self.streams > 1:
            words.append(f"{self.streams} streams")
        if self.oversampling > 1:
            words.append(f"{self.oversampling}x" + (" oversampled" if self.subject != "kernel" else ""))
        if self.weight_storage != "automatic":
            words.append(f"{self.weight_storage} weights")
        if self.activations != "exact":
            words.append(f"{self.activations} activations")
        elif self.is_peer and not self.exact:
            words.append("(inexact)")
        return " ".join(words)


@dataclass(frozen=True)
class Change:
    """A row against the same row of an earlier run."""

    before: float
    """Nanoseconds per frame then, at the processor's clock of now: the lower quartile."""
    relative: float
    """Time now over time then, less one."""
    threshold: float
    same_output: bool

    @property
    def words(self) -> str:
        """The change in percent, and what it amounts to where it exceeds the spread."""
        words = f"{self.relative:+.1%}"
        if abs(self.relative) > self.threshold:
            words += " slower" if self.relative > 0 else " faster"
        return words + ("" if self.same_output else ", other output")


def rows_of(run: dict[str, Any]) -> list[Row]:
    """The rows of a run as it was saved."""
    rows = []
    for group in run["groups"]:
        yardstick = statistics.median(group["yardstick_ns"])
        for row in group["rows"]:
            fields = {name: row[name] for name in Row.__dataclass_fields__ if name in row}
            fields |= {"group": group["name"], "yardstick": yardstick, "rounds": tuple(row["rounds_ns"])}
            rows.append(Row(**{"file": "", "error": row.get("error_max"), **fields}))
    return rows


def reference_of(row: Row, rows: Iterable[Row]) -> Row:
    """The row that a ratio refers to: the group's first with the same instruction set, else the group's first."""
    group = [other for other in rows if other.group == row.group]
    first = group[0]
    for other in group:
        if not other.is_peer and other.isa == row.isa and other.label == first.label:
            return other
    return first


def ratio(row: Row, reference: Row) -> float:
    """Time of the row over that of the reference: the median over rounds of the ratio within a round.

    What slows the machine down for more than a round meets both and cancels.
    """
    return statistics.median(a / b for a, b in zip(row.rounds, reference.rounds, strict=True))


def counterpart(row: Row, baseline: Iterable[Row]) -> Row | None:
    """The row of an earlier run that this one is to be compared with.

    Where the engine was not measured on this instruction set then, but on one alone, it is that one.
    """
    found = [other for other in baseline if replace(other, isa=row.isa).key == row.key]
    same = [other for other in found if other.isa == row.isa]
    if same:
        return same[0]
    return found[0] if len(found) == 1 and not row.is_peer else None


def change_of(row: Row, before: Row) -> Change:
    """How the calm rounds of a row differ from those of an earlier run, at the processor's clock of now."""
    expected = before.calm * row.yardstick / before.yardstick
    threshold = max(row.calm_spread, before.calm_spread, SMALLEST_CHANGE)
    return Change(expected, row.calm / expected - 1, threshold, row.output_hash == before.output_hash)


def fastest_peers(rows: Sequence[Row]) -> list[Row]:
    """Without the variants of a peer that another of the same kind, accuracy and instruction set outruns."""
    best: dict[tuple[object, ...], Row] = {}
    for row in rows:
        kind = (row.group, row.library, row.sizes, row.exact, row.isa, row.file if row.library == "fxengine" else "")
        if row.is_peer and (kind not in best or row.median < best[kind].median):
            best[kind] = row
    kept = {id(row) for row in best.values()}
    return [row for row in rows if not row.is_peer or id(row) in kept]


def table(rows: Sequence[Row], *, baseline: Sequence[Row] = (), all_variants: bool = False) -> list[str]:
    """The table in Markdown, line by line."""
    head = ["model", "played by", "set", "ns/frame", "spread", "share of block: median (worst)", "ratio", "error"]
    head += ["output", *(["before", "change"] if baseline else [])]
    lines = [head]
    group = ""
    for row in rows if all_variants else fastest_peers(rows):
        reference = reference_of(row, rows)
        cells = [
            row.group if row.group != group else "",
            row.label or "fxengine",
            row.isa or "-",
            time(row.median),
            f"{row.spread:.0%}",
            f"{share(row.median):.2%} ({share(max(row.rounds)):.2%})",
            "" if row is reference or row.group == "kernels" else f"{ratio(row, reference):.2f}",
            "-" if row.error is None else f"{row.error:.0e}",
            row.output_hash[:8],
        ]
        if baseline:
            earlier = counterpart(row, baseline)
            change = change_of(row, earlier) if earlier else None
            cells += [time(change.before), change.words] if change else ["-", "not measured then"]
        group = row.group
        lines.append(cells)
    text = markdown(lines, left=(0, 1, 2, 8, 10))
    missing = sorted({row.group for row in baseline} - {row.group for row in rows})
    if missing:
        text += ["", "Only in the earlier run: " + ", ".join(missing) + "."]
    return text


def ratio_table(rows: Sequence[Row]) -> list[str]:
    """Ratios alone, a line for each kind of row and a column for each model."""
    groups = list(dict.fromkeys(row.group for row in rows if row.group != "kernels"))
    cells: dict[tuple[str, str], dict[str, Row]] = {}
    for row in fastest_peers(rows):
        if row.group in groups and row is not reference_of(row, rows):
            name = row.label
            if row.is_peer and row.library != "fxengine":
                name = f"{row.library} {row.sizes}, {'exact' if row.exact else 'inexact'}"
            cells.setdefault((name, row.isa), {})[row.group] = row
    lines = [["time over ours", "set", *groups]]
    for (name, isa), found in cells.items():
        values = [f"{ratio(found[g], reference_of(found[g], rows)):.2f}" if g in found else "" for g in groups]
        lines.append([name, isa or "-", *values])
    return markdown(lines, left=(0, 1))


def markdown(rows: Sequence[Sequence[str]], *, left: Sequence[int]) -> list[str]:
    """A table, the first row its head, that can also be read as it is; columns not in ``left`` are set to the right."""
    widths = [max(3, *(len(row[column]) for row in rows)) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("| " + " | ".join(cells) + " |")
    rule = ["-" * width + ("-" if column in left else ":") for column, width in enumerate(widths)]
    return [lines[0], "|-" + "|-".join(rule) + "|", *lines[1:]]


def time(nanoseconds: float) -> str:
    """With the digits that mean something."""
    return f"{nanoseconds:.{0 if nanoseconds >= 1000 else 1 if nanoseconds >= 10 else 2}f}"


def share(nanoseconds: float) -> float:
    """Of the time that a frame lasts, which is the share of a block of any length."""
    return nanoseconds * 1e-9 * SAMPLE_RATE


def describe(run: dict[str, Any]) -> str:
    """Where and how a run was measured."""
    yardstick = statistics.median(value for group in run["groups"] for value in group["yardstick_ns"])
    return (
        f"{run['processor']}, load {run['load']:.1f}; {run['compiler']}, {run['flags']}; "
        f"instruction sets: {', '.join(filter(None, run['isas'])) or 'one'}; commit {run['commit']}; {run['date']}; "
        f"{run['instances']} x {run['rounds']} rounds of {run['chunk_ms']:g} ms; yardstick {yardstick:.3f} ns"
    )


def differences(run: dict[str, Any], baseline: dict[str, Any]) -> str:
    """What of the set-up differs between two runs, in a sentence, or nothing."""
    names = ["processor", "compiler", "flags"]
    found = [f"{name} ({baseline[name]})" for name in names if run[name] != baseline[name]]
    return "The earlier run is from another " + " and ".join(found) + "." if found else ""


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the program and return what it measured, with the machine."""
    program = arguments.program
    command = [str(program), *MODES[arguments.mode]]
    if arguments.only:
        names = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
        wanted = [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in arguments.only)]
        if not wanted:
            sought = " ".join(arguments.only)
            raise SystemExit(f"bench_engine: no model is called {sought}; there are {' '.join(names)}")
        command += [part for name in wanted for part in ("--only", name)]
    for option in ("subject", "isa", "peer", "model"):
        for value in getattr(arguments, option):
            command += [f"--{option}", str(value)]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan
    if hasattr(os, "sched_setaffinity"):  # a thread that wanders between cores leaves its caches behind
        core = arguments.core if arguments.core is not None else max(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {core})
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run.json"
        status = subprocess.run([*command, "--output", str(output)], check=False).returncode
        if status:
            raise SystemExit(status)
        run: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    date = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    return {"processor": processor_name(), "load": load, "commit": commit(), "date": date, **run}


def load(path: Path) -> dict[str, Any]:
    """A run that was saved."""
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"bench_engine: {path}: expected a run that this program saved; {error}") from error
    if not isinstance(run, dict) or run.get("format") != 1:
        raise SystemExit(f"bench_engine: {path}: expected a run that this program saved, of format 1")
    return run


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(description="What a frame of audio costs in the real-time engine.")
    parser.add_argument("--program", type=Path, default=PROGRAM, help="bench_engine, built with FXTRAIN_BENCHMARKS")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", dest="mode", action="store_const", const="quick", help="few rounds")
    mode.add_argument("--full", dest="mode", action="store_const", const="full", help="many rounds")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="models, with wildcards: 'lstm-*' gru-16")
    parser.add_argument("--subject", nargs="+", default=[], help="rows beside a model's first: streams block peer ...")
    parser.add_argument("--isa", nargs="+", default=[], help="every row on these instruction sets")
    parser.add_argument("--peers", dest="peer", nargs="+", default=[], metavar="LIBRARY", help="see peer.h")
    parser.add_argument("--model", nargs="+", type=Path, default=[], help="model files instead of random weights")
    parser.add_argument("--core", type=int, help="which core to run on (default: the last)")
    parser.add_argument("--save", type=Path, help="where to save the run (default: a file of its own in runs/bench)")
    parser.add_argument("--baseline", type=Path, metavar="RUN", help="compare with this run")
    parser.add_argument("--read", type=Path, metavar="RUN", help="do not measure: show this run")
    parser.add_argument("--all", action="store_true", help="every variant of a peer, not only the fastest of a kind")
    parser.add_argument("--ratios", action="store_true", help="ratios alone, a column for each model")
    parser.set_defaults(mode="standard")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, save, print."""
    arguments = parse_arguments()
    baseline = load(arguments.baseline) if arguments.baseline else None
    if arguments.read:
        run = load(arguments.read)
    else:
        run = measure(arguments)
        stamp = datetime.datetime.fromisoformat(run["date"]).strftime("%Y%m%d-%H%M%S")
        path = arguments.save or RUNS / f"{stamp}-{run['commit']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(run) + "\n", encoding="utf-8")
        print(f"bench_engine: saved as {path}", file=sys.stderr)
    print(describe(run))
    if baseline:
        print(f"before: {describe(baseline)}")
        if differences(run, baseline):
            print(differences(run, baseline))
    rows = rows_of(run)
    print()
    if arguments.ratios:
        lines = ratio_table(rows)
    else:
        lines = table(rows, baseline=rows_of(baseline) if baseline else (), all_variants=arguments.all)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
