"""Loss profiles against float64 numpy that keeps every clip in a list, and through what torchmetrics does to states."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from noiseprobe.metrics.profile import LossProfile, PairedLossProfile

T = 12
CASES = [(k, seed) for k in (1, 4) for seed in range(3)]
STATES = ["total", "squares", "base_total", "base_squares", "open_total"]


def random_clips(codebooks, seed, leading=()):
    """(nll [..., K, T'], song, scored): five songs of 1 to 4 clips, most shorter than T, some frames not scored."""
    rng = np.random.default_rng(seed)
    clips = []
    for song in range(5):
        for _ in range(rng.integers(1, 5)):
            t = int(rng.integers(1, T + 1))
            scored = None if rng.random() < 0.3 else rng.random(t) < 0.7
            clips.append((rng.gamma(4, 1, size=(*leading, codebooks, t)), song, scored))
    return clips


def oracle(clips, frames=T):
    """mean, sd, se, clips, songs, from loops over songs and frames."""
    shape = (*clips[0][0].shape[:-2], clips[0][0].shape[-2] + 1, frames)
    mean, sd, se = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    n_clips, n_songs = np.zeros(frames, int), np.zeros(frames, int)
    for t in range(frames):
        by_song = {}
        for nll, song, scored in clips:
            if t < nll.shape[-1] and (scored is None or scored[t]):
                column = nll[..., t]
                both = np.concatenate([column, column.mean(-1, keepdims=True)], axis=-1)
                by_song.setdefault(song, []).append(both)
        n_clips[t], n_songs[t] = sum(map(len, by_song.values())), len(by_song)
        means = np.array([np.mean(v, axis=0) for v in by_song.values()])
        if len(means):
            mean[..., t] = means.mean(0)
        if len(means) > 1:
            sd[..., t] = means.std(0, ddof=1)
            se[..., t] = means.std(0, ddof=1) / np.sqrt(len(means))
    return mean, sd, se, n_clips, n_songs


def tensors(clip):
    nll, song, scored = clip
    return torch.tensor(nll), song, None if scored is None else torch.tensor(scored)


def feed(metric, clips):
    for clip in clips:
        metric.update(*tensors(clip))
    return metric


def assert_is(found, expected, rtol=1e-9):
    for name, got, want in zip(found._fields, found, expected, strict=True):
        np.testing.assert_allclose(got.numpy(), want, rtol=rtol, atol=1e-12, err_msg=name)


def assert_equal(found, expected):
    for got, want in zip(found, expected, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got.numpy(), want.numpy())


@pytest.mark.parametrize(("codebooks", "seed"), CASES)
def test_profile_is_numpys(codebooks, seed):
    clips = random_clips(codebooks, seed)
    assert_is(feed(LossProfile(codebooks, T), clips).compute(), oracle(clips))


@pytest.mark.parametrize(("codebooks", "seed"), CASES)
def test_paired_profile_is_numpys_and_delta_is_paired(codebooks, seed):
    metric = PairedLossProfile(codebooks, T)
    curves = []
    for nll, song, scored in random_clips(codebooks, seed, leading=(2,)):
        clean, corrupted = nll
        metric.update(torch.tensor(clean), torch.tensor(corrupted), *tensors((clean, song, scored))[1:])
        curves.append((np.stack([clean, corrupted, corrupted - clean]), song, scored))
    assert_is(metric.compute(), oracle(curves))


def test_a_small_profile_by_hand():
    metric = LossProfile(codebooks=2, frames=3)
    metric.update(torch.tensor([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]), song=0)
    metric.update(torch.tensor([[3.0], [5.0]]), song=0)  # one frame only
    metric.update(torch.tensor([[8.0, 6.0], [10.0, 4.0]]), song=1, scored=torch.tensor([True, False]))
    found = metric.compute()
    assert found.mean[:, 0].tolist() == [5.0, 7.0, 6.0]  # song means 2 and 8, 4 and 10, 3 and 9
    assert found.mean[:, 1:].tolist() == [[2.0, 3.0], [4.0, 5.0], [3.0, 4.0]]
    assert found.se[:, 0].tolist() == pytest.approx([3.0, 3.0, 3.0])
    assert found.sd[:, 1:].isnan().all()
    assert (found.clips.tolist(), found.songs.tolist()) == ([3, 1, 1], [2, 1, 1])


def test_error_of_delta_is_that_of_the_difference_and_not_of_its_parts():
    metric = PairedLossProfile(codebooks=1, frames=1)
    for song, clean in enumerate([1.0, 9.0, 4.0]):  # far apart, but all go up by exactly 2
        metric.update(torch.tensor([[clean]]), torch.tensor([[clean + 2]]), song)
    found = metric.compute()
    assert found.mean[2].flatten().tolist() == [2.0, 2.0]
    assert found.se[2].flatten().tolist() == [0.0, 0.0]
    assert found.se[0, 0, 0] > 2


def test_an_uncorrupted_clip_has_a_delta_of_exactly_0():
    metric = PairedLossProfile(codebooks=4, frames=T)
    for nll, song, scored in random_clips(4, 3):
        metric.update(torch.tensor(nll), torch.tensor(nll), *tensors((nll, song, scored))[1:])
    found = metric.compute()
    delta = found.mean[2][:, found.songs > 0]
    assert delta.numel()
    assert (delta == 0).all()
    assert (found.se[2][:, found.songs > 1] == 0).all()


def test_the_last_row_is_the_mean_over_codebooks():
    clips = random_clips(4, 4)
    found = feed(LossProfile(4, T), clips).compute()
    np.testing.assert_allclose(found.mean[4], found.mean[:4].numpy().mean(0), rtol=1e-12)


def test_frames_without_a_value_may_hold_anything():
    metric = LossProfile(codebooks=1, frames=3)
    scored = torch.tensor([True, False, True])
    metric.update(torch.tensor([[1.0, float("nan"), 2.0]]), 0, scored)
    metric.update(torch.tensor([[3.0, float("inf"), 2.0]]), 1, scored)
    found = metric.compute()
    assert found.mean[0, [0, 2]].tolist() == [2.0, 2.0]
    assert found.mean[0, 1].isnan()
    assert found.songs.tolist() == [2, 0, 2]
    metric.update(torch.tensor([[5.0, 7.0, 2.0]]), 1)  # what was there before must not stick to the frame
    found = metric.compute()
    assert found.mean[0].tolist() == [2.5, 7.0, 2.0]
    assert found.songs.tolist() == [2, 1, 2]


def test_empty_metric_has_no_values():
    metric = LossProfile(codebooks=1, frames=2)
    with pytest.warns(UserWarning, match="before the ``update`` method"):
        found = metric.compute()
    assert found.mean.isnan().all()
    assert found.se.isnan().all()
    assert found.songs.tolist() == [0, 0]


def test_pickled_in_the_middle_of_a_song_it_goes_on_to_the_same_numbers():
    clips = random_clips(4, 1)
    cut = next(i for i in range(1, len(clips)) if clips[i][1] == clips[i - 1][1])
    metric = feed(LossProfile(4, T), clips[:cut])
    revived = feed(pickle.loads(pickle.dumps(metric)), clips[cut:])
    assert_equal(revived.compute(), feed(LossProfile(4, T), clips).compute())


@pytest.mark.parametrize("copied", [copy.deepcopy, LossProfile.clone])
def test_a_copy_in_the_middle_of_a_song_is_independent(copied):
    clips = random_clips(1, 2)
    cut = next(i for i in range(1, len(clips)) if clips[i][1] == clips[i - 1][1])
    metric = feed(LossProfile(1, T), clips[:cut])
    other = feed(copied(metric), clips[cut:])
    assert_is(metric.compute(), oracle(clips[:cut]))
    assert_is(other.compute(), oracle(clips))


def test_after_reset_nothing_is_left():
    metric = feed(LossProfile(4, T), random_clips(4, 0))
    metric.reset()
    assert_equal(feed(metric, random_clips(4, 1)).compute(), feed(LossProfile(4, T), random_clips(4, 1)).compute())


def test_compute_after_every_clip_changes_nothing():
    clips = random_clips(4, 5)
    metric = LossProfile(4, T)
    for i, clip in enumerate(clips, 1):
        metric.update(*tensors(clip))
        assert_is(metric.compute(), oracle(clips[:i]))
    assert_equal(metric.compute(), feed(LossProfile(4, T), clips).compute())


def test_forward_gives_the_clips_own_value_and_adds_it():
    clips = random_clips(1, 6)
    metric = LossProfile(1, T)
    for clip in clips:
        assert_is(metric(*tensors(clip)), oracle([clip]))
    assert_is(metric.compute(), oracle(clips))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lower_precision_input_is_summed_in_float64(dtype):
    clips = random_clips(4, 7)
    metric = LossProfile(4, T)
    for nll, song, scored in map(tensors, clips):
        metric.update(nll.to(dtype), song, scored)
    assert all(getattr(metric, name).dtype == torch.float64 for name in STATES)
    rounded = [(torch.tensor(nll).to(dtype).double().numpy(), song, scored) for nll, song, scored in clips]
    assert_is(metric.compute(), oracle(rounded))


def test_delta_is_taken_in_float64():
    metric = PairedLossProfile(codebooks=1, frames=1)
    metric.update(torch.tensor([[1.0]]).bfloat16(), torch.tensor([[257.0]]).bfloat16() + 2, song=0)
    corrupted = float(torch.tensor(257.0).bfloat16() + 2)
    assert metric.compute().mean[2, 0].tolist() == [corrupted - 1.0]  # bf16 has no odd number up there


@pytest.mark.parametrize(
    "cast",
    [
        lambda m: m.half(),
        lambda m: m.float(),
        lambda m: m.double(),
        lambda m: m.type(torch.half),
        lambda m: m.to("cpu"),
    ],
    ids=["half", "float", "double", "type", "to cpu"],
)
def test_moving_and_casting_leave_the_states_float64(cast):
    clips = random_clips(4, 8)
    metric = cast(feed(LossProfile(4, T), clips[:3]))
    assert all(getattr(metric, name).dtype == torch.float64 for name in STATES)
    assert_is(feed(metric, clips[3:]).compute(), oracle(clips))


def test_to_with_a_dtype_is_the_cast_that_torchmetrics_lets_through():
    """Why `precision` never reaches the Trainer: bf16-true calls `module.to(torch.bfloat16)`, states and all."""
    metric = torch.nn.Sequential(LossProfile(1, T)).to(torch.bfloat16)[0]
    assert metric.total.dtype == torch.bfloat16
    assert metric.clips.dtype == torch.int64


@pytest.mark.parametrize(
    ("nll", "scored", "got"),
    [
        (torch.zeros(3, 4), None, r"\(3, 4\)"),
        (torch.zeros(2, T + 1), None, rf"\(2, {T + 1}\)"),
        (torch.zeros(1, 2, 4), None, r"\(1, 2, 4\)"),
        (torch.zeros(4), None, r"\(4,\)"),
        (torch.tensor(1.0), None, r"\(\)"),
        (torch.zeros(2, 4), torch.ones(3, dtype=torch.bool), r"\(3,\)"),
        (torch.zeros(2, 4), torch.ones(1, dtype=torch.bool), r"\(1,\)"),
    ],
)
def test_wrong_shapes_raise_with_what_got_and_expected_and_add_nothing(nll, scored, got):
    metric = LossProfile(codebooks=2, frames=T)
    with pytest.raises(ValueError, match=rf"(nll|scored): got shape {got}, expected"):
        metric.update(nll, 0, scored)
    assert metric.clips.sum() == 0


def test_a_pair_of_different_shapes_raises():
    with pytest.raises(ValueError, match=r"corrupted: got shape \(1, 3\), expected clean's \(1, 4\)"):
        PairedLossProfile(1, T).update(torch.zeros(1, 4), torch.zeros(1, 3), 0)


@pytest.mark.parametrize(("codebooks", "frames"), [(0, 5), (5, 0)])
def test_a_metric_without_codebooks_or_frames_raises(codebooks, frames):
    with pytest.raises(ValueError, match=f"got {codebooks}, {frames}, expected at least 1"):
        LossProfile(codebooks, frames)


RANK = """
import pickle, sys
import torch, torch.distributed as dist
from noiseprobe.metrics.profile import LossProfile, PairedLossProfile

torch.set_num_threads(1)
rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
with open(f"{folder}/clips.pkl", "rb") as f:
    clips, frames = pickle.load(f)
tensors = [(torch.tensor(x), song, None if s is None else torch.tensor(s)) for x, song, s in clips]
out = {}

halves = LossProfile(4, frames)  # whole songs on each rank
early = LossProfile(4, frames)  # computed together once on the way
for x, song, s in tensors:
    if (song >= 3) == bool(rank):
        halves.update(x[0], song, s)
        early.update(x[0], song, s)
        if song in (0, 3):
            with early.sync_context():
                pass
out["halves"], out["early"] = tuple(halves.compute()), tuple(early.compute())

alone = PairedLossProfile(4, frames)  # the second rank has no song
for x, song, s in tensors if rank == 0 else []:
    alone.update(x[0], x[1], song, s)
out["alone"] = tuple(alone.compute())
torch.save(out, f"{folder}/rank{rank}.pt")
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_compute_what_one_does(tmp_path):
    clips = random_clips(4, 9, leading=(2,))
    first = {song: [c for c in clips if c[1] == song] for song in range(5)}
    first[0], first[3] = first[0][:1], first[3][:1]  # as many syncs on each rank
    clips = [c for song in range(5) for c in first[song]]
    (tmp_path / "clips.pkl").write_bytes(pickle.dumps((clips, T)))
    ranks = [subprocess.Popen([sys.executable, "-c", RANK, str(r), str(tmp_path)]) for r in range(2)]
    assert [p.wait(timeout=120) for p in ranks] == [0, 0]

    clean = [(x[0], song, s) for x, song, s in clips]
    single = feed(LossProfile(4, T), clean).compute()
    paired = PairedLossProfile(4, T)
    for x, song, s in clips:
        paired.update(torch.tensor(x[0]), torch.tensor(x[1]), *tensors((x, song, s))[1:])
    curves = [(np.stack([x[0], x[1], x[1] - x[0]]), song, s) for x, song, s in clips]
    for rank in range(2):
        found = torch.load(tmp_path / f"rank{rank}.pt")
        for name, one, reference in [
            ("halves", single, oracle(clean)),
            ("early", single, oracle(clean)),
            ("alone", paired.compute(), oracle(curves)),
        ]:
            for got, want, independent in zip(found[name], one, reference, strict=True):
                np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=0, atol=1e-12, err_msg=f"{name} {rank}")
                np.testing.assert_allclose(got.numpy(), independent, rtol=1e-9, atol=1e-12, err_msg=f"{name} {rank}")
