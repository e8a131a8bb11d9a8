# SPDX-License-Identifier: MIT
"""Cutting recordings into sequences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fxtrain.data import Excerpt, SplitConfig, pairs, split_in_time
from fxtrain.data.pairs import PairedAudio, PairedAudioConfig
from fxtrain.errors import DataCheckError


def counting(num_frames: int, **options: object) -> Excerpt:
    """An excerpt whose samples are their own positions; the target is the same plus a half."""
    x = np.arange(num_frames, dtype=np.float32)
    return Excerpt(input=x, target=x + 0.5, **options)  # type: ignore[arg-type]


def small(excerpt: Excerpt, *, loud_share: float = 0.0, **options: int) -> PairedAudio:
    config = PairedAudioConfig(warm_up_frames=100, sequence_frames=400, chunk_frames=100, loud_share=loud_share)
    return PairedAudio(config, [excerpt], [excerpt], **{"batch_size": 4, "seed": 3, **options})


def test_chunks_of_a_sequence_follow_each_other_without_gap_or_overlap() -> None:
    provider = small(counting(10_000))
    first = provider.batch(0)
    assert first.warm_up is not None
    assert provider.steps_per_sequence == 4
    ends = first.warm_up[:, -1]
    for step in range(4):
        batch = provider.batch(step)
        assert (batch.input[:, 0] == ends + 1).all()
        assert (batch.input[:, 1:] - batch.input[:, :-1] == 1).all()
        assert (batch.target == batch.input + 0.5).all()
        assert (batch.warm_up is None) == (step > 0)
        ends = batch.input[:, -1]


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    one, other, third = small(counting(9000)), small(counting(9000)), small(counting(9000), seed=4)
    other.batch(17)
    assert (one.batch(40).input == other.batch(40).input).all()
    assert not (one.batch(40).input == third.batch(40).input).all()


def test_an_epoch_sees_every_sequence_once() -> None:
    excerpt = counting(100 + 8 * 400)
    provider = small(excerpt)
    assert provider.steps_per_epoch == 8
    seen = np.concatenate([provider.batch(step).input.numpy().ravel() for step in range(8)])
    assert np.array_equal(np.sort(seen), np.arange(100, 100 + 8 * 400))


def test_clips_are_never_crossed_and_their_start_is_only_warm_up() -> None:
    provider = small(counting(20 * 330, clip_frames=330, skip_frames=30))
    assert provider.warm_up_frames == 30
    for step in range(provider.steps_per_epoch):
        batch = provider.batch(step)
        clips = batch.input // 330
        assert (clips == clips[:, :1]).all()
        assert (batch.input % 330 >= 30).all()
        if batch.warm_up is not None:
            assert (batch.warm_up[:, 0] % 330 == 0).all()


@pytest.mark.parametrize("lead_in", [0, 50, 5000])
def test_validation_covers_the_excerpt_in_order(lead_in: int) -> None:
    history = np.arange(-lead_in, 0, dtype=np.float32)
    provider = small(counting(4000, lead_in=history))
    (batch,) = provider.validation()
    assert np.array_equal(batch.input.numpy().ravel(), np.arange(4000))
    assert (batch.target == batch.input + 0.5).all()
    assert batch.warm_up is not None
    assert batch.warm_up[0, -1] == (-1 if lead_in else 0)
    assert (batch.warm_up[1:, -1] == batch.input[:-1, -1]).all()


@pytest.mark.parametrize("clip_frames", [0, 3000])
def test_a_long_excerpt_is_judged_in_batches_of_bounded_size(monkeypatch: pytest.MonkeyPatch, clip_frames: int) -> None:
    excerpt = counting(120_000, clip_frames=clip_frames)
    (whole,) = small(excerpt).validation()
    monkeypatch.setattr(pairs, "_JUDGED_FRAMES", 50_000)
    batches = list(small(excerpt).validation())
    assert len(batches) > 1
    assert all(batch.input.numel() <= 50_000 and len(batch.input) >= 16 for batch in batches[:-1])
    for name in ("input", "target", "weight", "warm_up"):
        assert torch.equal(torch.cat([getattr(batch, name) for batch in batches]), getattr(whole, name))


def test_ranks_make_their_rows_of_a_step_that_was_made_whole_before() -> None:
    provider = small(counting(9000))
    whole = provider.batch(5).input
    parts = [provider.shard(rank, 2).batch(5).input for rank in range(2)]
    assert torch.equal(torch.cat(parts), whole)


def test_a_share_of_the_sequences_is_louder_than_the_recording() -> None:
    ordinary, provider = small(counting(9000)), small(counting(9000), loud_share=0.125)
    seen, times = 0, []
    for group in range(40):
        inputs, warm_ups, ceilings = [], [], []
        for step in range(4 * group, 4 * group + 4):
            batch = provider.batch(step)
            assert batch.ceiling is not None
            is_loud = batch.ceiling.isfinite()
            assert torch.equal(batch.input[~is_loud], ordinary.batch(step).input[~is_loud])
            assert torch.equal(batch.target[~is_loud], ordinary.batch(step).target[~is_loud])
            assert (batch.target[is_loud] == 0).all()
            gains = batch.input[is_loud] / ordinary.batch(step).input[is_loud]
            assert torch.allclose(gains, gains[:, :1].expand_as(gains))
            inputs.append(batch.input[is_loud])
            ceilings.append(batch.ceiling)
            if batch.warm_up is not None:
                warm_ups.append(batch.warm_up[is_loud])
        assert all(torch.equal(each, ceilings[0]) for each in ceilings)
        seen += len(inputs[0])
        louder = torch.cat([*warm_ups, *inputs], dim=1).max(dim=1).values / 8999
        assert torch.allclose(ceilings[0][ceilings[0].isfinite()], 1.25 * 8999.5 * louder)
        times += louder.tolist()
    assert seen == 0.125 * 40 * 4  # whatever the size of the batches
    assert 1 <= min(times) < 1.5 < 3 < max(times) <= 4


def test_ranks_make_their_rows_of_the_loud_sequences_too() -> None:
    provider = small(counting(9000), loud_share=0.25)
    whole = provider.batch(4)
    parts = [provider.shard(rank, 2).batch(4) for rank in range(2)]
    for name in ("input", "target", "warm_up", "ceiling"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name))
    assert whole.ceiling is not None
    assert whole.ceiling.isfinite().sum() == 1


def test_too_little_material_is_refused() -> None:
    with pytest.raises(DataCheckError, match="record more"):
        small(counting(30))


def test_split_in_time_leaves_gaps_between_parts() -> None:
    parts = split_in_time(480_000, 48_000, SplitConfig())
    assert parts["train"][0] == 0
    assert parts["test"][1] == 480_000
    assert parts["validation"][0] - parts["train"][1] == 9600  # a fiftieth, less than a quarter of a second
    assert parts["test"][0] - parts["validation"][1] == 9600
    assert parts["test"][1] - parts["test"][0] == 48_000


def test_split_of_clips_ends_at_joins() -> None:
    parts = split_in_time(1000 * 25 + 7, 44_100, SplitConfig(), clip_frames=1000)
    assert all(edge % 1000 == 0 for part in parts.values() for edge in part)
    assert parts["train"][1] == parts["validation"][0]
    assert parts["test"][1] == 25_000
    with pytest.raises(DataCheckError, match="at least 3"):
        split_in_time(2000, 44_100, SplitConfig(), clip_frames=1000)
