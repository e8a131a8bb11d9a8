# SPDX-License-Identifier: MIT
"""The file of a study."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from html_page import HtmlPage

from fxtrain.cli.sweep import cells_of
from fxtrain.errors import ConfigError
from fxtrain.report.html import render_page
from fxtrain.studies import Row, read_study
from fxtrain.studies.page import study_page, summarise
from fxtrain.training.protocol import Criterion


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text)
    return path


def test_the_points_are_all_combinations_with_the_last_key_fastest(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, '[grid]\n"model.hidden_size" = [8, 16]\n"training.seed" = [0, 1, 2]\n'))
    assert [tuple(point.values.values()) for point in study.points()] == [
        (size, seed) for size in (8, 16) for seed in (0, 1, 2)
    ]
    assert study.keys == ["model.hidden_size", "training.seed"]
    assert len({point.name for point in study.points()}) == 6


def test_keys_without_quotes_mean_the_same(tmp_path: Path) -> None:
    quoted = read_study(write(tmp_path, '[grid]\n"training.seed" = [0, 1]\n'))
    plain = read_study(write(tmp_path, "[grid]\ntraining.seed = [0, 1]\n"))
    assert quoted.grid == plain.grid
    assert quoted.fingerprint == plain.fingerprint


def test_the_fingerprint_follows_the_settings_and_not_the_title(tmp_path: Path) -> None:
    text = '[study]\ntitle = "A"\n[fit]\nepochs = 1\n[grid]\n"training.seed" = [0]\n'
    one = read_study(write(tmp_path, text)).fingerprint
    assert read_study(write(tmp_path, text.replace('"A"', '"B"'))).fingerprint == one
    assert read_study(write(tmp_path, text.replace("epochs = 1", "epochs = 2"))).fingerprint != one
    assert read_study(write(tmp_path, text.replace("[0]", "[0, 1]"))).fingerprint != one


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[fit]\nepochs = 1\n", "empty grid"),
        ("[grid]\n", "empty grid"),
        ('[grid]\n"training.seed" = []\n', "an empty list"),
        ('[grid]\n"training.seed" = 3\n', r"\[grid\]: training.seed is 3; expected a list of values, such as \[3\]"),
        ("[grid]\nseed = [1]\n", "expected TABLE.NAME"),
        ('[grid]\n"training.seed" = [1, 1]\n', "twice"),
        ('[girt]\n"training.seed" = [1]\n', r"table \[girt\]"),
        ('[gird]\n"training.seed" = [1]\n', r"table \[gird\].*did you mean grid\?"),
        ('[study]\nname = "x"\n[grid]\n"training.seed" = [1]\n', r"study\.toml: unknown setting study\.name"),
        ("[grid]\n" + "".join(f'"a.k{n}" = [0,1,2,3,4,5,6,7,8,9]\n' for n in range(6)), "1000000 runs"),
    ],
)
def test_what_is_no_study_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_study(write(tmp_path, text))


def test_the_page_shows_medians_over_seeds_baselines_and_failures(tmp_path: Path) -> None:
    study = read_study(
        write(
            tmp_path, '[study]\nquestion = "Which <size>?"\n[grid]\n"m.size" = [8, 16]\n"training.seed" = [0, 1, 2]\n'
        )
    )
    figures = [0.3, 0.1, 0.2, 0.04, 0.05, None]
    rows = [
        Row(
            point,
            "complete" if figure else "failed",
            figure,
            tmp_path / point.name,
            "" if figure else "it broke",
            {"fir": 0.5},
        )
        for point, figure in zip(study.points(), figures, strict=True)
    ]
    (one, other) = summarise(rows, ["m.size"])
    assert (one[0], sorted(one[1]), one[2]) == ({"m.size": 8}, [0.1, 0.2, 0.3], 0)
    assert (other[0], other[1], other[2]) == ({"m.size": 16}, [0.04, 0.05], 1)
    page = study_page(study, rows, Criterion("esr", "ESR"))
    html = render_page(page)
    text = HtmlPage(html).text
    assert "Which &lt;size&gt;?" in html
    assert "it broke" in text
    assert re.search(r"Best median ESR.*?0\.045", text, re.S)
    assert re.search(r"ESR of fir.*?0\.50", text, re.S)
    assert html.count("<svg") >= 1
    assert json.dumps(page.title) == '"Study"'


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[3] / "examples" / "studies").glob("*.toml")))
def test_the_studies_that_come_with_fxtrain_make_runs(path: Path, tmp_path: Path) -> None:
    study = read_study(path)
    assert study.text.title
    assert study.text.question
    cells = list(cells_of(study, tmp_path))
    assert len(cells) > 1
    assert [cell.reason for cell in cells] == [""] * len(cells)
    for cell in cells:
        assert cell.spec is not None
        assert Path(cell.spec.tables["pair_1"]["input"]).name == "dry.wav"
        assert cell.spec.training.max_steps >= 100_000


def test_a_study_of_seeds_alone_has_a_page_too(tmp_path: Path) -> None:
    from fxtrain.report.html import render_page

    study = read_study(write(tmp_path, '[grid]\n"training.seed" = [0, 1]\n'))
    rows = []
    for point, figure in zip(study.points(), (0.3, 0.1), strict=True):
        run = tmp_path / point.name
        run.mkdir()
        events = [{"event": "validation", "step": step, "val_esr": figure + 1 / (1 + step)} for step in (0, 10, 20)]
        (run / "log.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        rows.append(Row(point, "complete", figure, run, "", {"fir": 0.5}))
    text = render_page(study_page(study, rows, Criterion("esr", "ESR")))
    assert text.count("<svg") == 1
    assert ">all<" in text
    assert ">fir<" in text
