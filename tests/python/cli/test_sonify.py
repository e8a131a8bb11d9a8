# SPDX-License-Identifier: MIT
"""``fxtrain fit`` of the chain from picture to sound, and ``fxtrain sonify`` with what it left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from small_amplifier import Run
from small_pipeline import CLIP_SECONDS, settings

from fxtrain.data.pictures import read_frames
from fxtrain.synthetic.animal_folders import write_short_video
from fxtrain.training.checkpoint import load_checkpoint, save_checkpoint

for library in ("PIL", "av", "transformers"):
    pytest.importorskip(library, reason="make generators was not run")


@pytest.fixture
def trained(trained_chain: Path) -> Path:
    """Material, settings, and the folder ``run`` with the four stages."""
    return trained_chain


@pytest.fixture
def chain(trained: Path, tmp_path: Path) -> Path:
    """A copy of the four stages."""
    shutil.copytree(trained / "run", tmp_path / "run")
    return tmp_path / "run"


def figures(stage: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((stage / "metrics.json").read_text())
    return found


def test_each_stage_has_figures_beside_their_baselines_and_a_page(trained: Path) -> None:
    run = trained / "run"
    codes, top, bottom, classifier = (figures(run / name) for name in ("codes", "top", "bottom", "classifier"))
    assert {"snr_db", "mel_distance", "classes", "baselines", "frechet", "code_use", "separability"} <= set(codes)
    assert codes["baselines"]["silence"]["snr_db"] == pytest.approx(0.0)
    assert set(codes["classes"]) == {"cat", "dog"}
    assert {"distance", "floor", "embedding", "dimension", "items"} <= set(codes["frechet"])
    assert codes["arithmetic"]["steps"] == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    for prior in (top, bottom):
        assert {"uniform", "unigram", "bigram", "wrong_label"} <= set(prior["baselines"])
        assert prior["perplexity_of_own_samples"]["k"] == 6
        assert prior["decoding"]["largest_difference"] < 1e-4
    assert {"judge_accuracy", "judge_accuracy_on_real", "largest_correlation_with_training"} <= set(bottom["sounds"])
    assert {"majority", "before", "balanced_before"} <= set(classifier["baselines"])
    rows = bottom["table_2"]
    assert [row["source"]["parameters"] for row in rows] == [580_641, 5_341_084, 5_341_084, 23_512_130]
    assert [row["source"].get("perplexity") for row in rows] == [None, 6.217, 13.3276, None]
    assert rows[1]["ours"]["steps"] == top["training"]["steps"]
    page = (run / "bottom" / "report.html").read_text()
    assert "Table 2" in page
    assert "source (other data)" in page
    assert "Latents of clips" in (run / "codes" / "report.html").read_text()


def test_stages_that_are_done_are_not_done_again(trained: Path, fxtrain: Run) -> None:
    before = {path: path.stat().st_mtime_ns for path in (trained / "run").rglob("*.pt")}
    result = fxtrain("fit", "--config", trained / "image-to-sound.toml", "--out", trained / "run")
    assert result.exit_code == 0
    assert result.stdout.count("is complete already") == 4
    assert {path: path.stat().st_mtime_ns for path in (trained / "run").rglob("*.pt")} == before


def test_codes_are_cached_by_the_hash_of_the_checkpoint(trained: Path) -> None:
    sha = load_checkpoint(trained / "run" / "top" / "best.pt")["facts"]["codes_sha256"]
    cached = list((trained / "run" / "codes" / "codes").glob("*.npz"))
    assert len(cached) == 3  # training, validation and test
    assert {path.name[:16] for path in cached} == {sha[:16]}
    with np.load(cached[0]) as content:
        assert content["top"].shape[1] * 4 == content["bottom"].shape[1] == 320


def test_a_picture_becomes_a_sound(trained: Path, tmp_path: Path, fxtrain: Run) -> None:
    picture = next((trained / "pictures" / "dog").iterdir())
    words = ("sonify", picture, tmp_path / "a.wav", "--run", trained / "run", "--json")
    answer = fxtrain(*words, "--seed", 3).json
    assert {"class", "confidence", "frames", "seed"} <= set(answer)
    assert answer["class"] in ("cat", "dog")
    assert 0.5 <= answer["confidence"] <= 1.0
    assert (answer["frames"], answer["seed"]) == (1, 3)
    sound, sample_rate = soundfile.read(tmp_path / "a.wav")
    assert sample_rate == 4000
    assert len(sound) == round(CLIP_SECONDS * 4000)
    assert fxtrain(*words, "--seed", 3).exit_code == 2  # the file exists
    fxtrain("sonify", picture, tmp_path / "b.wav", "--run", trained / "run", "--seed", 3)
    fxtrain("sonify", picture, tmp_path / "c.wav", "--run", trained / "run", "--seed", 4)
    assert np.array_equal(soundfile.read(tmp_path / "b.wav")[0], sound)
    assert not np.array_equal(soundfile.read(tmp_path / "c.wav")[0], sound)


def test_a_video_becomes_a_sound_of_its_length(trained: Path, tmp_path: Path, fxtrain: Run) -> None:
    write_short_video(tmp_path / "cat.mp4", "cat", 1, seconds=1.0, size=32)
    words = ("sonify", tmp_path / "cat.mp4", tmp_path / "a.wav", "--run", trained / "run")
    answer = fxtrain(*words, "--mux", tmp_path / "sounding.mp4", "--json").json
    assert answer["frames"] == 8
    labels = answer["labels"]
    assert answer["class"] == sorted(labels)[(len(labels) - 1) // 2]  # the lower of the two in the middle
    assert len(soundfile.read(tmp_path / "a.wav")[0]) == 4000
    assert read_frames(tmp_path / "sounding.mp4", 32).shape[0] == 8
    refused = fxtrain("sonify", next((trained / "pictures" / "dog").iterdir()), tmp_path / "b.wav",
                      "--run", trained / "run", "--mux", tmp_path / "b.mp4")  # fmt: skip
    assert refused.exit_code == 2
    assert "--mux needs a video" in refused.stderr


def test_a_video_that_is_longer_than_the_sound_can_be_is_named(
    trained: Path, tmp_path: Path, fxtrain: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fxtrain.cli.sonify._MOST_CLIPS", 1)
    write_short_video(tmp_path / "cat.mp4", "cat", 1, seconds=5.0, size=32)
    told = fxtrain("sonify", tmp_path / "cat.mp4", tmp_path / "a.wav", "--run", trained / "run")
    seconds = soundfile.info(tmp_path / "a.wav").duration
    assert seconds < 5.0
    assert f"lasts 5.0 s, but sonify makes {seconds:.1f} s of sound at most" in " ".join(told.stdout.split())


@pytest.mark.parametrize("sampling", ["top-k", "top-p", "greedy", "uniform", "full"])
def test_all_kinds_of_sampling_can_be_chosen_and_the_class_too(
    sampling: str, trained: Path, tmp_path: Path, fxtrain: Run
) -> None:
    picture = next((trained / "pictures" / "dog").iterdir())
    words = ("sonify", picture, tmp_path / "a.wav", "--run", trained / "run", "--class", "cat", "--json")
    answer = fxtrain(*words, "--sampling", sampling, "--k", 3, "--p", 0.8, "--temperature", 0.9).json
    assert answer["class"] == "cat"
    assert answer["confidence"] is None


def refusal(fxtrain: Run, *words: object) -> str:
    """What a command that is refused says, on one line."""
    result = fxtrain(*words)
    assert result.exit_code == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def test_what_cannot_be_heard_is_refused_in_one_sentence(trained: Path, tmp_path: Path, fxtrain: Run) -> None:
    (tmp_path / "text.png").write_text("no picture")
    output, run = tmp_path / "a.wav", ("--run", trained / "run")
    assert "is neither a picture nor a video" in refusal(fxtrain, "sonify", tmp_path / "text.png", output, *run)
    assert "there is no file" in refusal(fxtrain, "sonify", tmp_path / "missing.png", output, *run)
    picture = next((trained / "pictures" / "dog").iterdir())
    said = refusal(fxtrain, "sonify", picture, output, *run, "--class", "cow")
    assert "there is no class 'cow'; there are cat, dog" in said
    assert "is not a folder" in refusal(fxtrain, "sonify", picture, output, "--run", tmp_path / "nowhere")
    assert not output.exists()


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("codes", "has no trained autoencoder (vqvae2): run that stage with fxtrain fit"),
        ("top", "has no trained Top (code-prior with level=top)"),
        ("bottom", "has no trained Bottom (code-prior with level=bottom)"),
        ("classifier", "has no trained classifier (image-classifier)"),
    ],
)
def test_a_run_that_lacks_a_stage_is_refused(
    stage: str, words: str, chain: Path, trained: Path, tmp_path: Path, fxtrain: Run
) -> None:
    shutil.rmtree(chain / stage)
    picture = next((trained / "pictures" / "dog").iterdir())
    assert words in refusal(fxtrain, "sonify", picture, tmp_path / "a.wav", "--run", chain)


def test_a_stage_whose_codes_were_trained_anew_is_refused(
    chain: Path, trained: Path, tmp_path: Path, fxtrain: Run
) -> None:
    content = load_checkpoint(chain / "codes" / "best.pt")
    content.pop("format_version")
    content["weights"]["bottom_book.codes"] += 1.0
    save_checkpoint(chain / "codes" / "best.pt", content)
    picture = next((trained / "pictures" / "dog").iterdir())
    said = refusal(fxtrain, "sonify", picture, tmp_path / "a.wav", "--run", chain)
    assert "Top was trained on the codes of another autoencoder" in said
    said = refusal(
        fxtrain, "fit", "--model", "code-prior", "--input", f"codes={chain / 'codes'}",
        "--input", f"top={chain / 'top'}", "--set", f"data.folder={trained / 'sounds'}", "--set", "level=bottom",
        "--epochs", 1, "--out", tmp_path / "new",
    )  # fmt: skip
    assert "Top was trained on the codes of another autoencoder" in said


def test_weights_that_are_gone_are_named_in_one_sentence(
    chain: Path, trained: Path, tmp_path: Path, fxtrain: Run
) -> None:
    content = load_checkpoint(chain / "classifier" / "best.pt")
    content.pop("format_version")
    content["tables"]["model"]["weights"] = str(tmp_path / "gone")
    save_checkpoint(chain / "classifier" / "best.pt", content)
    picture = next((trained / "pictures" / "dog").iterdir())
    said = refusal(fxtrain, "sonify", picture, tmp_path / "a.wav", "--run", chain)
    assert "give the folder that save_pretrained wrote" in said


def test_material_that_cannot_be_used_is_refused_before_anything_is_written(
    trained: Path, tmp_path: Path, fxtrain: Run
) -> None:
    empty = tmp_path / "sounds"
    shutil.copytree(trained / "sounds", empty)
    words = ("fit", "--model", "vqvae2", "--set", f"data.folder={empty}", "--epochs", 1, "--out", tmp_path / "run")
    size = ("--set", f"data.clip_seconds={CLIP_SECONDS}")
    for file in (empty / "cat").iterdir():
        file.unlink()
    assert "the folder of the class 'cat'" in refusal(fxtrain, *words, *size)
    shutil.rmtree(empty / "cat")
    assert "holds only the class 'dog'" in refusal(fxtrain, *words, *size)
    assert "cannot be divided into codes" in refusal(
        fxtrain, "fit", "--model", "vqvae2", "--set", f"data.folder={trained / 'sounds'}", "--set",
        "data.clip_seconds=0.641", "--epochs", 1, "--out", tmp_path / "run",
    )  # fmt: skip
    said = refusal(fxtrain, "fit", "--model", "code-prior", "--set", f"data.folder={trained / 'sounds'}", "--epochs", 1)
    assert "needs the input codes, a run of vqvae2: give it with --input codes=RUN" in said
    assert not (tmp_path / "run").exists()


def test_a_bottom_without_top_is_measured_on_the_top_codes_of_recordings(
    trained: Path, tmp_path: Path, fxtrain: Run
) -> None:
    model = [word for key, value in settings(trained)["stages"]["bottom"]["model"].items()
             for word in ("--set", f"model.{key}={value}")]  # fmt: skip
    answer = fxtrain(
        "fit", "--model", "code-prior", "--input", f"codes={trained / 'run' / 'codes'}", *model,
        "--set", f"data.folder={trained / 'sounds'}", "--set", "sounds=1", "--epochs", 1,
        "--out", tmp_path / "run", "--json",
    ).json  # fmt: skip
    assert "sounds" in answer
    assert "table_2" not in answer


def test_an_autoencoder_can_be_compared_with_another_one(trained: Path, tmp_path: Path, fxtrain: Run) -> None:
    words = ("fit", "--model", "vqvae2", "--input", f"beside={trained / 'run' / 'codes'}", "--epochs", 1,
             "--set", f"data.folder={trained / 'sounds'}", "--set", "channels=4", "--set", "codes=16",
             "--set", "representation=mel", "--set", "bottom_strides=1", "--out", tmp_path / "run")  # fmt: skip
    answer = fxtrain(*words, "--set", f"clip_seconds={CLIP_SECONDS}", "--json").json
    assert answer["beside"]["form"] == "two levels, wave"
    assert answer["beside"]["codes_per_second"] == 625.0
    page = (tmp_path / "run" / "report.html").read_text()
    assert "cat: two levels, mel" in page
    assert "Latents of clips: two levels, wave" in page
    shutil.rmtree(tmp_path / "run")
    assert "only equal ones can be compared" in refusal(fxtrain, *words, "--set", "clip_seconds=0.512")


def test_models_lists_the_three_with_their_full_sizes(fxtrain: Run) -> None:
    listed = fxtrain("models", "--json", "--full-size").json["models"]
    assert listed["code-prior"]["parameters"] == 5_341_084
    assert listed["image-classifier"]["parameters"] == 23_512_130
    assert listed["vqvae2"]["parameters"] == 579_151
    assert listed["vqvae2"]["realtime"] is False
    assert "parameters" not in listed["lstm"]
