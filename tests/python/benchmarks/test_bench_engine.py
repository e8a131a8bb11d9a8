# SPDX-License-Identifier: MIT
"""The figures that the benchmark of the engine derives from what it measured."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

STEADY = [100.0] * 10


@pytest.fixture(scope="module")
def bench(repository: Path) -> ModuleType:
    sys.path.insert(0, str(repository / "benchmarks"))
    try:
        return importlib.import_module("bench_engine")
    finally:
        sys.path.pop(0)


def row(rounds: Sequence[float] = STEADY, **changes: Any) -> dict[str, Any]:
    fields = {
        "subject": "size",
        "library": "fxengine",
        "variant": "",
        "sizes": "run-time",
        "isa": "avx2",
        "exact": True,
        "block": 64,
        "streams": 1,
        "oversampling": 1,
        "weight_storage": "automatic",
        "activations": "exact",
        "output_hash": "0123456789abcdef",
        "error_max": 1e-7,
    }
    return fields | changes | {"rounds_ns": list(rounds)}


def peer(rounds: Sequence[float] = STEADY, **changes: Any) -> dict[str, Any]:
    return row(rounds, **{"subject": "peer", "library": "Other", "variant": "plain", "file": "other.so"} | changes)


def run(*rows: dict[str, Any], yardstick: float = 1.0, group: str = "lstm-16") -> dict[str, Any]:
    return {"format": 1, "groups": [{"name": group, "rows": list(rows), "yardstick_ns": [yardstick]}]}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_slow_spell_that_meets_all_rows_leaves_the_ratio_alone(bench: ModuleType) -> None:
    spell = [1.0] * 4 + [3.0] * 6  # more than half of the time, as on a busy machine
    ours, theirs = bench.rows_of(run(row([100 * slow for slow in spell]), peer([230 * slow for slow in spell])))
    assert bench.ratio(theirs, ours) == pytest.approx(2.3)


def test_a_faster_clock_is_not_taken_for_a_faster_engine(bench: ModuleType) -> None:
    (before,) = bench.rows_of(run(row([130.0] * 10), yardstick=1.3))
    (now,) = bench.rows_of(run(row([100.0] * 10), yardstick=1.0))
    change = bench.change_of(now, before)
    assert change.relative == pytest.approx(0.0)
    assert change.before == pytest.approx(100.0)
    assert change.words in {"+0.0%", "-0.0%"}


def test_a_neighbour_that_slows_some_rounds_is_not_taken_for_a_slower_engine(bench: ModuleType) -> None:
    (before,) = bench.rows_of(run(row([100.0] * 20)))
    (now,) = bench.rows_of(run(row([100.0] * 9 + [200.0] * 11)))
    assert now.median == 200
    assert bench.change_of(now, before).relative == 0


@pytest.mark.parametrize(("noise", "words"), [(0.01, "+10.0% slower"), (0.2, "+10.0%")])
def test_a_change_is_called_one_where_it_exceeds_the_spread(bench: ModuleType, noise: float, words: str) -> None:
    noisy = [1 + noise * index / 10 for index in range(21)]
    (before,) = bench.rows_of(run(row([100 * factor for factor in noisy])))
    (now,) = bench.rows_of(run(row([110 * factor for factor in noisy])))
    assert bench.change_of(now, before).words == words


def test_a_gain_is_called_faster_and_other_output_is_told(bench: ModuleType) -> None:
    (before,) = bench.rows_of(run(row([200.0] * 10)))
    (now,) = bench.rows_of(run(row([100.0] * 10, output_hash="f" * 16)))
    assert bench.change_of(now, before).words == "-50.0% faster, other output"


def test_one_outlier_among_many_rounds_does_not_widen_the_spread(bench: ModuleType) -> None:
    (measured,) = bench.rows_of(run(row([100.0] * 20 + [900.0])))
    assert measured.spread == 0
    assert measured.median == 100


def test_a_peer_is_set_against_our_row_of_its_instruction_set(bench: ModuleType) -> None:
    rows = bench.rows_of(
        run(
            row([50.0] * 10, isa="avx512"),
            row([80.0] * 10, isa="avx2"),
            row([90.0] * 10, isa="avx2", subject="streams", streams=2),
            peer([160.0] * 10, isa="avx2"),
            peer([160.0] * 10, isa="sse2"),
        )
    )
    assert [bench.ratio(other, bench.reference_of(other, rows)) for other in rows[3:]] == [2.0, 3.2]
    assert bench.ratio(rows[2], bench.reference_of(rows[2], rows)) == 90 / 80


def test_only_the_fastest_of_each_kind_of_peer_is_shown(bench: ModuleType) -> None:
    rows = bench.rows_of(
        run(
            row(),
            peer([300.0] * 10, variant="slow"),
            peer([200.0] * 10, variant="fast"),
            peer([50.0] * 10, variant="rough", exact=False),
            peer([250.0] * 10, variant="fixed", sizes="compile-time"),
            peer([260.0] * 10, variant="slow", isa="avx512"),
        )
    )
    labels = [(other.variant, other.isa) for other in bench.fastest_peers(rows)]
    assert labels == [("", "avx2"), ("fast", "avx2"), ("rough", "avx2"), ("fixed", "avx2"), ("slow", "avx512")]


def test_the_table_has_a_line_for_each_row_and_a_column_for_each_figure(bench: ModuleType) -> None:
    before = bench.rows_of(run(row([200.0] * 10)))
    rows = bench.rows_of(run(row([20833.0] * 10), row(subject="streams", streams=2), peer()))
    head, rule, first, second, third = bench.table(rows, baseline=before)
    assert {len(cells(line)) for line in (head, rule, first, second, third)} == {11}
    shown = dict(zip(cells(head), cells(first), strict=True))
    assert shown["model"] == "lstm-16"
    # A frame at 48 kHz lasts 20833 ns.
    assert shown["share of block: median (worst)"] == "100.00% (100.00%)"
    assert shown["ratio"] == ""
    assert shown["change"].endswith("slower")
    assert cells(second)[1] == "2 streams"
    assert cells(second)[-1] == "not measured then"
    assert cells(third)[1] == "Other plain run-time"


def test_the_engine_is_compared_with_itself_on_another_instruction_set_where_there_was_but_one(
    bench: ModuleType,
) -> None:
    (now,) = bench.rows_of(run(row(isa="avx512")))
    one = bench.rows_of(run(row(isa="sse2"), row(isa="sse2", streams=2)))
    several = bench.rows_of(run(row(isa="sse2"), row(isa="avx2")))
    assert bench.counterpart(now, one) is one[0]
    assert bench.counterpart(now, several) is None
    (other,) = bench.rows_of(run(peer(isa="avx512")))
    assert bench.counterpart(other, bench.rows_of(run(peer(isa="avx2")))) is None


def test_models_of_the_earlier_run_that_are_missing_now_are_named(bench: ModuleType) -> None:
    lines = bench.table(bench.rows_of(run(row())), baseline=bench.rows_of(run(row(), group="gru-8")))
    assert lines[-1] == "Only in the earlier run: gru-8."


def test_the_ratio_table_has_a_column_for_each_model(bench: ModuleType) -> None:
    both = run(row(), peer([150.0] * 10))
    both["groups"] += run(row(), peer([250.0] * 10, variant="other"), group="lstm-40")["groups"]
    head, _, line = bench.ratio_table(bench.rows_of(both))
    assert cells(head)[2:] == ["lstm-16", "lstm-40"]
    assert cells(line) == ["Other run-time, exact", "avx2", "1.50", "2.50"]


@pytest.mark.parametrize("content", ["", "[]", json.dumps({"format": 2})])
def test_a_file_that_is_no_saved_run_is_named(bench: ModuleType, tmp_path: Path, content: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit, match=r"run\.json: expected a run that this program saved"):
        bench.load(path)
