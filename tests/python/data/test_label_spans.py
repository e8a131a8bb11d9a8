# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fxtrain.data.label_spans import Span, frame_labels, read_spans, spans_of
from fxtrain.errors import InputError


def test_spans_follow_each_other(tmp_path: Path) -> None:
    file = tmp_path / "a.lab"
    file.write_text("separator ;\nnfields 1\n#\n0.34200 125 pau\n0.392 125 k\n\n 0.422 125 ay\n")
    assert read_spans(file) == [Span("pau", 0, 0.342), Span("k", 0.342, 0.392), Span("ay", 0.392, 0.422)]


@pytest.mark.parametrize(
    "content",
    [b"", b"#\n", b"#\nsoon 125 a\n", b"#\n1.0 125\n", b"#\n1.0 125 a\n0.5 125 b\n", b"#\nnan 1 a\n", b"\xff#\n"],
)
def test_what_is_no_list_of_spans_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.lab").write_bytes(content)
    with pytest.raises(InputError, match="expected lines of end in seconds"):
        read_spans(tmp_path / "a.lab")


def test_frames_and_spans_are_two_views_of_one_thing() -> None:
    names = ["a", "b", "c"]
    frames = np.array([2, 2, 0, 0, 0, 1, 2, -1])
    spans = spans_of(frames, names, 0.01)
    assert [span.label for span in spans] == ["c", "a", "b", "c"]
    again = frame_labels(spans, {name: number for number, name in enumerate(names)}, 8, 0.01)
    assert again.tolist() == frames.tolist()
