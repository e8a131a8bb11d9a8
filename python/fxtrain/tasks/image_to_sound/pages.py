# SPDX-License-Identifier: MIT
"""The pages of the stages, made of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxtrain.report.plots import spectrogram_figures, spectrogram_strips
from fxtrain.report.sections import (
    Bar,
    Bars,
    Colour,
    Curve,
    Curves,
    Fact,
    Facts,
    Figure,
    Figures,
    Group,
    Level,
    Panel,
    Part,
    Player,
    Section,
    Source,
    Table,
    Tables,
    Text,
)
from fxtrain.tasks.image_to_sound.figures import chain_figure, class_colour, projection_figure, wave_figure

__all__ = ["SOURCE", "of_autoencoder", "of_classifier", "of_prior", "table_2"]

Sounds = NDArray[np.float32]
History = Sequence[Mapping[str, Any]]

SOURCE: dict[str, dict[str, Any]] = {
    "vqvae2": {"parameters": 580_641, "steps": 10_920, "time": "3.4 h", "frechet": 32_883},
    "top": {"parameters": 5_341_084, "steps": 10_080, "time": "10.3 h, both", "perplexity": 6.217},
    "bottom": {"parameters": 5_341_084, "steps": 10_080, "time": "10.3 h, both", "perplexity": 13.3276},
    "classifier": {"parameters": 23_512_130, "steps": 160, "time": "2.06 min", "accuracy": 0.98},
}
"""What the published work states of each model. Its data were others, and its perplexities are of its own samples."""

_ROLES: dict[str, Colour] = {"original": "target", "reconstruction": "prediction", "other": "violet"}
_NAMES = {"vqvae2": "VQ-VAE-2", "top": "Transformer Top", "bottom": "Transformer Bottom", "classifier": "ResNet-50"}


def table_2(
    codes: Mapping[str, Any], top: Mapping[str, Any], bottom: Mapping[str, Any], classifier: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Rows in the layout of the source's Table 2: its values, and ours beside them.

    Args:
        codes: ``metrics.json`` of the autoencoder.
        top: of Top.
        bottom: of Bottom.
        classifier: of the classifier.
    """
    rows = []
    for name, metrics in (("vqvae2", codes), ("top", top), ("bottom", bottom), ("classifier", classifier)):
        training = metrics.get("training", {})
        ours = {
            "parameters": metrics.get("model", {}).get("parameters", ""),
            "steps": training.get("steps", ""),
            "time": _duration(training.get("seconds")),
            "accuracy": metrics.get("accuracy", ""),
            "frechet": metrics.get("frechet", {}).get("distance", ""),
            "perplexity": metrics.get("perplexity_of_own_samples", {}).get("perplexity", ""),
            "held_out_perplexity": metrics.get("perplexity", ""),
        }
        rows.append({"model": _NAMES[name], "source": SOURCE[name], "ours": ours})
    if backbone := classifier.get("model", {}).get("backbone"):
        rows[-1]["model"] = "ResNet-50" if backbone == "resnet50" else f"ResNet-50 (ours: {backbone})"
    return rows


def _duration(seconds: object) -> str:
    if not isinstance(seconds, int | float):
        return ""
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.2f} min"


def _table_2_section(rows: Sequence[Mapping[str, Any]]) -> Group:
    cells: list[list[object]] = []
    for row in rows:
        for who in ("source", "ours"):
            values = row[who]
            cells.append(
                [
                    f"{row['model']}, {'source (other data)' if who == 'source' else 'ours'}",
                    *(
                        values.get(key, "")
                        for key in ("parameters", "steps", "time", "accuracy", "frechet", "perplexity")
                    ),
                    values.get("held_out_perplexity", ""),
                ]
            )
    headings = ("model", "parameters", "steps", "time", "accuracy", "Fréchet", "perplexity", "held out")
    return Group(
        "table-2",
        "Table 2",
        [
            Tables([Table("The source's figures and ours", cells, headings=headings, is_open=True)]),
            Text(
                "The source measured on other data, and its Fréchet distance is one of other features: its values are "
                "there to read, not to compare. Perplexity is that of a model's own top-k samples, as in the source; "
                "the last column is that of sequences that training did not see."
            ),
        ],
    )


def _chain(classes: Sequence[str]) -> Figures:
    steps = [
        ("picture", "or video frames"),
        ("classifier", "median of the frames"),
        ("Top", "coarse codes"),
        ("Bottom", "fine codes"),
        ("decoder", "of VQ-VAE-2"),
        ("sound", "into the video"),
    ]
    return Figures([Figure(chain_figure(steps), "From picture to sound")])


def of_autoencoder(
    metrics: Mapping[str, Any],
    *,
    classes: Sequence[str],
    sample_rate: int,
    originals: Mapping[str, Sounds],
    reconstructions: Mapping[str, Sounds],
    compared: Mapping[str, Sounds],
    forms: tuple[str, str],
    points: NDArray[np.float64],
    other_points: NDArray[np.float64] | None,
    labels: NDArray[np.int64],
    steps: Mapping[float, Sounds],
    history: History,
) -> list[Section]:
    """The page of an autoencoder."""
    sections: list[Section] = []
    for name in originals:
        sounds = {"original": originals[name], "reconstruction": reconstructions[name]}
        labels_of = {"original": ("Original", "recorded"), "reconstruction": ("Reconstruction", forms[0])}
        if compared:
            sounds["other"] = compared[name]
            labels_of["other"] = ("Other model", forms[1])
        strips = spectrogram_strips(_double(sounds), sample_rate)
        sources = [
            Source(
                key=key,
                label=labels_of[key][0],
                hint=labels_of[key][1],
                samples=sound,
                colour=_ROLES[key],
                strip=strips[key],
            )
            for key, sound in sounds.items()
        ]
        title = f"A {name}, held out"
        sections.append(Player(id=f"class-{len(sections)}", title=title, sources=sources, sample_rate=sample_rate))
    use = metrics.get("code_use", {}).get("train", {})
    facts = [
        Fact("SNR", f"{metrics['snr_db']:.1f} dB", "held out; silence reaches 0 dB"),
        Fact("Mel distance", f"{metrics['mel_distance']:.2f}", "nepers, 0 is equality"),
        Fact(
            "Rate",
            f"{metrics['bits_per_second'] / 1000:.2g} kbit/s",
            f"{metrics['codes_per_second']:.0f} codes a second",
        ),
        *(
            Fact(f"{level.capitalize()} codes used", f"{share:.0%}", "of the codebook, over an epoch")
            for level, share in use.items()
        ),
        Fact(
            "Fréchet distance",
            f"{metrics['frechet']['distance']:.2f}",
            f"real against real {metrics['frechet']['floor']:.2f}; {metrics['frechet']['embedding']}, "
            f"{metrics['frechet']['items']} each",
        ),
    ]
    rows: list[list[object]] = []
    for name, figures in metrics["classes"].items():
        rows.append([name, "this model", figures["snr_db"], figures["mel_distance"]])
        for baseline, label in (("held_samples", "as many samples as codes"), ("silence", "silence")):
            other = figures["baselines"][baseline]
            rows.append([name, label, other["snr_db"], other["mel_distance"]])
    table = Table("By class", rows, headings=("class", "what", "SNR in dB", "mel distance"), is_open=True)
    sections.append(Group("figures", "How close it is", [Facts(facts), Tables([table])]))
    if beside := metrics.get("beside"):
        line = f"{beside['form']}: SNR {beside['snr_db']:.1f} dB, mel distance {beside['mel_distance']:.2f}, "
        text = Text(f"{line}{beside['codes_per_second']:.0f} codes a second.")
        sections.append(Group("beside", "Another model beside it", [text]))
    first = next(iter(originals))
    shown = {"original": originals[first], forms[0]: reconstructions[first]}
    if compared:
        shown[forms[1] if forms[1] != forms[0] else f"{forms[1]} (other)"] = compared[first]
    drawn = [Figure(svg, f"{first}: {name}") for name, svg in spectrogram_figures(_double(shown), sample_rate)]
    drawn.append(
        Figure(
            wave_figure(originals[first], reconstructions[first], sample_rate), "Wave", "original above reconstruction"
        )
    )
    chance = metrics["separability"]["chance"]
    drawn.append(_projection(points, labels, classes, forms[0], metrics["separability"]["two_components"], chance))
    if other_points is not None and beside is not None:
        drawn.append(_projection(other_points, labels, classes, forms[1], beside["two_components"], chance))
    sections.append(Group("pictures", "Original and reconstruction", [Figures(drawn)]))
    sections.append(_arithmetic(metrics["arithmetic"], classes, steps, sample_rate))
    panels = [
        Panel(
            [Curve("val_error", "held out", "prediction"), Curve("main/error", "training", "dry")],
            "error",
            True,
            "val_error",
        )
    ]
    if use:
        parts = [Curve(f"main/{level}_used", f"{level} codes in use") for level in use]
        panels.append(Panel(parts, "share", logarithmic=False))
    sections.append(Curves(history, panels))
    return sections


def _projection(
    points: NDArray[np.float64],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    form: str,
    found: float,
    chance: float,
) -> Figure:
    caption = (
        f"Two principal components of the mean top vectors. A straight border tells {found:.0%} of the clips' classes "
        f"apart, chance {chance:.0%}."
    )
    return Figure(projection_figure(points, labels, classes), f"Latents of clips: {form}", caption)


def _double(sounds: Mapping[str, Sounds]) -> dict[str, NDArray[np.float64]]:
    return {name: sound.astype(np.float64) for name, sound in sounds.items()}


def _arithmetic(figures: Mapping[str, Any], classes: Sequence[str], steps: Mapping[float, Sounds], rate: int) -> Player:
    sources = [
        Source(
            key=f"step-{round(10 * share)}",
            label=f"{share:.1f}",
            hint=f"judged {chance:.0%} {figures['to']}",
            samples=sound,
        )
        for (share, sound), chance in zip(steps.items(), figures["probability"], strict=True)
    ]
    return Player(
        id="arithmetic",
        title=f"From {classes[0]} to {classes[1]}",
        note="the difference of the classes' mean latents, added to one clip in steps of 0.2",
        sources=sources,
        sample_rate=rate,
    )


def of_prior(
    metrics: Mapping[str, Any],
    *,
    classes: Sequence[str],
    sample_rate: int,
    sounds: Mapping[str, Mapping[str, Sounds]],
    history: History,
) -> list[Section]:
    """The page of Top or Bottom; with the whole chain, the page of the pipeline."""
    sections: list[Section] = []
    for number, (name, own) in enumerate(sounds.items()):
        strips = spectrogram_strips(_double(own), sample_rate)
        sources = [
            Source(
                key=key.replace(" ", "-"),
                label=key.capitalize(),
                samples=sound,
                colour="dry" if key == "recorded" else None,
                strip=strips[key],
            )
            for key, sound in own.items()
        ]
        note = "the first was recorded, the others the models wrote"
        sections.append(
            Player(
                id=f"class-{number}",
                title=name,
                note=note,
                sources=sources,
                sample_rate=sample_rate,
                selected="written-1",
            )
        )
    counts = metrics["baselines"]
    bars = [
        Bar("any code, alike", counts["uniform"], f"{counts['uniform']:.0f}"),
        Bar("frequency of codes", counts["unigram"], f"{counts['unigram']:.1f}"),
        Bar("frequency of pairs", counts["bigram"], f"{counts['bigram']:.1f}"),
        Bar("this model, wrong class", counts["wrong_label"], f"{counts['wrong_label']:.1f}"),
        Bar("this model", metrics["perplexity"], f"{metrics['perplexity']:.1f}", is_result=True),
    ]
    own = metrics["perplexity_of_own_samples"]
    decoding = metrics["decoding"]
    difference = f"faster; logits differ by {decoding['largest_difference']:.1g} at most"
    facts = [
        Fact("Perplexity", f"{metrics['perplexity']:.1f}", f"of {metrics['test']['sequences']} sequences never seen"),
        Fact("Of its own samples", f"{own['perplexity']:.1f}", f"top-k, k = {own['k']}; the source states this kind"),
        Fact("Cached decoding", f"{decoding['speedup']:.0f}\N{MULTIPLICATION SIGN}", difference),
    ]
    if judged := metrics.get("sounds"):
        facts += _facts_of_sounds(judged)
    sections.append(
        Group(
            "figures", "How well it predicts", [Facts(facts), Bars(bars, ("what knows", "perplexity, lower is better"))]
        )
    )
    if "table_2" in metrics:
        sections += [Group("chain", "The chain", [_chain(classes)]), _table_2_section(metrics["table_2"])]
    levels = [Level(float(np.log(counts["unigram"])), "frequency of codes", is_rival=True)]
    curves = [Curve("val_nats", "held out", "prediction"), Curve("train_loss", "training", "dry")]
    sections.append(Curves(history, [Panel(curves, "nats a code", False, "val_nats", levels=levels)]))
    return sections


def _facts_of_sounds(judged: Mapping[str, Any]) -> list[Fact]:
    distance = judged["frechet"]
    who = (
        f"of {judged['count']} sounds, by a classifier that is right on {judged['judge_accuracy_on_real']:.0%} of real"
    )
    floor = f"real against real {distance['floor']:.2f}; {distance['embedding']}, {distance['items']} each"
    beside = f"correlation with it; held-out recordings reach {judged['largest_correlation_of_real']:.2f}"
    return [
        Fact("Judged right", f"{judged['judge_accuracy']:.0%}", f"{who} ones"),
        Fact("Fréchet distance", f"{distance['distance']:.2f}", floor),
        Fact("Nearest training clip", f"{judged['largest_correlation_with_training']:.2f}", beside),
    ]


def of_classifier(metrics: Mapping[str, Any], *, classes: Sequence[str], history: History) -> list[Section]:
    """The page of a classifier."""
    baselines = metrics["baselines"]
    bars = [
        Bar("the most frequent class", baselines["majority"], f"{baselines['majority']:.0%}"),
        Bar("before training", baselines["before"], f"{baselines['before']:.0%}"),
        Bar("after training", metrics["accuracy"], f"{metrics['accuracy']:.0%}", is_result=True),
    ]
    facts = [
        Fact("Balanced accuracy", f"{metrics['balanced_accuracy']:.0%}", f"of {metrics['test']['pictures']} pictures"),
        Fact("Before training", f"{baselines['balanced_before']:.0%}", "the same, with the head as it began"),
        Fact("Trained", f"{metrics['model']['trained_parameters']}", f"of {metrics['model']['parameters']} weights"),
    ]  # fmt: skip
    table = Table(
        "Answers", metrics["confusion"], headings=("class", *(f"called {name}" for name in classes)), is_open=True
    )
    curves = [Curve("val_entropy", "held out", "prediction"), Curve("train_loss", "training", "dry")]
    parts: list[Part] = [
        Facts(facts),
        Bars(bars, ("what", "accuracy"), logarithmic=False, least_end=1.0),
        Tables([table]),
    ]
    panels = [
        Panel([Curve("val_accuracy", "accuracy", class_colour(1))], "accuracy", False),
        Panel(curves, "nats", True, "val_entropy"),
    ]
    return [Group("figures", "How often it is right", parts), Curves(history, panels)]
