# SPDX-License-Identifier: MIT
"""The result of a stage in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["print_summary"]


def print_summary(metrics: Mapping[str, Any], console: Console) -> None:
    """Prints each figure beside its baselines.

    Args:
        metrics: what ``metrics.json`` holds.
        console: where to print.
    """
    if "snr_db" in metrics:
        _autoencoder(metrics, console)
    elif "perplexity" in metrics:
        _prior(metrics, console)
    elif "balanced_accuracy" in metrics:
        baselines = metrics["baselines"]
        console.print(
            f"balanced accuracy {metrics['balanced_accuracy']:.2f} on {metrics['test']['pictures']} pictures never "
            f"seen; before training {baselines['balanced_before']:.2f}, the most frequent class "
            f"{baselines['majority']:.2f}"
        )


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, justify="right" if heading != headings[0] else "left")
    return table


def _autoencoder(metrics: Mapping[str, Any], console: Console) -> None:
    table = _table("held out", "SNR in dB", "mel distance")
    table.add_row("silence", *_pair(metrics["baselines"]["silence"]))
    table.add_row("as many samples as codes", *_pair(metrics["baselines"]["held_samples"]))
    for name, figures in metrics["classes"].items():
        table.add_row(f"model, {name}", *_pair(figures))
    table.add_row("model", *_pair(metrics), style="bold")
    console.print(table)
    use = metrics.get("code_use", {}).get("train", {})
    shares = ", ".join(f"{level} {share:.0%}" for level, share in use.items())
    console.print(
        f"{metrics['model']['parameters']} parameters (the published model has 580641); "
        f"{metrics['bits_per_second'] / 1000:.2f} kbit/s" + (f"; codes used: {shares}" if shares else "")
    )


def _pair(figures: Mapping[str, Any]) -> tuple[str, str]:
    return f"{figures['snr_db']:.2f}", f"{figures['mel_distance']:.3f}"


def _prior(metrics: Mapping[str, Any], console: Console) -> None:
    table = _table("held out", "perplexity")
    baselines = metrics["baselines"]
    for key, label in (
        ("uniform", "any code, alike"),
        ("unigram", "frequency of codes"),
        ("bigram", "frequency of pairs"),
        ("wrong_label", "model, wrong class"),
    ):
        table.add_row(label, f"{baselines[key]:.2f}")
    table.add_row("model", f"{metrics['perplexity']:.2f}", style="bold")
    console.print(table)
    own, decoding = metrics["perplexity_of_own_samples"], metrics["decoding"]
    console.print(
        f"{metrics['model']['parameters']} parameters; perplexity of its own samples (top-k, k = {own['k']}) "
        f"{own['perplexity']:.2f}; cached decoding {decoding['speedup']:.0f} times as fast, logits equal to "
        f"{decoding['largest_difference']:.1g}"
    )
    if judged := metrics.get("sounds"):
        console.print(
            f"{judged['count']} sounds: a classifier that is right on {judged['judge_accuracy_on_real']:.2f} of real "
            f"ones is right on {judged['judge_accuracy']:.2f}; Fréchet distance {judged['frechet']['distance']:.2f} "
            f"(real against real {judged['frechet']['floor']:.2f}); largest correlation with a training clip "
            f"{judged['largest_correlation_with_training']:.2f}"
        )
