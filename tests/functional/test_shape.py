"""Every field by hand, planted curves with and without noise, and errors against what repeating the draw gives."""

import math
import statistics

import numpy as np
import pytest

from noiseprobe.functional.shape import Shape, held_out, mean_shape, recovery_time, shape

ON, OFF, FRAMES, RATE = 250, 350, 750, 50.0
BY_HAND = np.repeat([0.0, 2.0, -1.0, 3.0, 1.0, 0.0], [100, 5, 45, 5, 45, 150])  # noise on [100, 150)


def planted(height=0.8, half_life=8.0, level=-1.0, jolt=1.0, tau=50.0):
    """A peak at ON that halves its distance to a level, and a jolt at OFF that dies away, time constant tau frames."""
    t = np.arange(FRAMES, dtype=float)
    onset = level + (height - level) * 2.0 ** (-(t - ON) / half_life)
    return np.where(t < ON, 0.0, np.where(t < OFF, onset, jolt * np.exp(-(t - OFF) / tau)))


def noise(seed, songs=None, sd=1.0):
    return sd * np.random.default_rng(seed).standard_normal(FRAMES if songs is None else (songs, FRAMES))


class TestByHand:
    def test_every_field(self):
        found = shape(BY_HAND, 100, 150, RATE)
        expected = Shape(
            onset_peak=2.0,
            onset_mean=2.0,
            onset_latency_s=0.0,
            # Means of three are 2, 1, 0 on frames 103..105; halfway, 0.5, is in the middle of 104 and 105.
            onset_half_life_s=4.5 / 50,
            assimilation_level=-1.0,
            assimilation_slope=0.0,
            offset_peak=3.0,
            offset_mean=3.0,
            offset_latency_s=0.0,
            # From 24 frames before the end of the ones on, (24 - j) / 25 of the next 25 frames' mean is left.
            recovery_time_s=49 / 50,
            recovery_residual=0.0,
            peak_area=0.2,
            assimilation_area=-0.9,
            offset_area=0.3,
            recovery_area=0.9,
        )
        assert found._fields == expected._fields
        for name, value, wanted in zip(found._fields, found, expected, strict=True):
            assert value == pytest.approx(wanted, abs=1e-12), name

    def test_look_ahead_makes_latencies_negative(self):
        delta = BY_HAND.copy()
        delta[97], delta[148] = 5.0, 7.0
        found = shape(delta, 100, 150, RATE, look_ahead=4, look_back=4, context=2)
        assert (found.onset_peak, found.onset_latency_s) == (5.0, -3 / 50)
        assert (found.offset_peak, found.offset_latency_s) == (7.0, -2 / 50)
        assert found.onset_mean == pytest.approx((5 + 5 * 2) / 11)

    def test_slope_and_level_of_a_ramp(self):
        delta = np.zeros(300)
        delta[105:150] = -0.02 * np.arange(45)
        found = shape(delta, 100, 150, RATE)
        assert found.assimilation_slope == pytest.approx(-1.0)  # 0.02 a frame of 20 ms
        assert found.assimilation_level == pytest.approx(-0.02 * 22)

    @pytest.mark.parametrize("frames", range(2, 12))
    def test_half_life_of_a_bent_fall_that_is_halfway_after_any_number_of_frames(self, frames):
        delta = np.zeros(300)
        delta[100:150] = 2.0 ** (-np.arange(50) / frames) * 2 - 1
        found = shape(delta, 100, 150, RATE)
        half = (1 + delta[105:150].mean()) / 2
        smooth = [1.0, *(sum(delta[t - 1 : t + 2]) / 3 for t in range(101, 149))]
        t = next(t for t, value in enumerate(smooth) if value <= half)
        crossing = t - 1 + (smooth[t - 1] - half) / (smooth[t - 1] - smooth[t])
        assert found.onset_half_life_s == pytest.approx(crossing / RATE, rel=1e-9)

    def test_residual_is_of_the_last_second(self):
        delta = BY_HAND.copy()
        delta[-50:] = 0.3
        delta[-51] = 99
        assert shape(delta, 100, 150, RATE).recovery_residual == pytest.approx(0.3)
        assert shape(delta[: 155 + 50], 100, 150, RATE).recovery_residual is not None
        assert shape(delta[: 155 + 49], 100, 150, RATE).recovery_residual is None

    def test_another_frame_rate_is_another_unit_of_time(self):
        one, other = (shape(BY_HAND, 100, 150, rate) for rate in (50.0, 25.0))
        assert other.onset_half_life_s == pytest.approx(2 * one.onset_half_life_s)
        assert other.offset_area == pytest.approx(2 * one.offset_area)
        assert other.onset_peak == one.onset_peak
        slow = shape(BY_HAND, 100, 150, 0.5)  # a frame of 2 s
        assert (slow.onset_half_life_s, slow.offset_area) == pytest.approx((9.0, 30.0))

    @pytest.mark.parametrize(("on", "look_ahead", "frames"), [(0, 0, 5), (2, 4, 7)])
    def test_a_peak_may_begin_with_the_clip(self, on, look_ahead, frames):
        delta = np.arange(300.0)
        found = shape(delta, on, 50, RATE, look_ahead)
        assert found.onset_mean == pytest.approx((frames - 1) / 2)
        songs = mean_shape(np.stack([delta, delta]), on, 50, RATE, look_ahead)
        assert songs["onset_mean"].estimate == pytest.approx((frames - 1) / 2)
        assert songs["offset_mean"].estimate == pytest.approx(52 - look_ahead / 2)

    def test_two_frames_have_a_slope(self):
        delta = BY_HAND.copy()
        delta[105:107] = [1.0, 1.5]
        assert shape(delta, 100, 107, RATE).assimilation_slope == pytest.approx(25.0)

    def test_half_lives_within_two_and_three_frames(self):
        # On the line from 2 at frame 104 to -1 at 105, halfway is 0.5.
        delta = np.repeat([0.0, 2.0, -1.0, 0.0], [104, 1, 1, 200])
        assert shape(delta, 100, 106, RATE).onset_half_life_s == pytest.approx(0.5 / 50)
        # 3, 0, 0 from frame 103 on: with the mean of three in the middle 3, 1, 0, and 1.5 is at 3/4 of the first line.
        delta = np.repeat([0.0, 3.0, 0.0], [103, 1, 200])
        assert shape(delta, 100, 106, RATE).onset_half_life_s == pytest.approx(0.75 / 50)
        delta[104] = np.nan  # then that line is two frames long
        assert shape(delta, 100, 107, RATE).onset_half_life_s == pytest.approx(1.5 / 50)


class TestWhatIsNot:
    def test_without_noise_there_is_nothing(self):
        assert shape(BY_HAND, 100, 100, RATE) == Shape()

    def test_short_noise_has_no_assimilation_and_no_half_life(self):
        found = shape(BY_HAND, 100, 105, RATE)
        assert found.onset_peak == 2.0
        nothing = (found.assimilation_level, found.assimilation_slope, found.assimilation_area, found.onset_half_life_s)
        assert nothing == (None,) * 4

    def test_noise_to_the_end_has_neither_offset_nor_recovery(self):
        found = shape(BY_HAND, 100, len(BY_HAND), RATE)
        after = [name for name in Shape._fields if name.startswith(("offset", "recovery"))]
        assert len(after) == 7
        assert all(getattr(found, name) is None for name in after)

    def test_one_frame_has_no_slope(self):
        found = shape(BY_HAND, 100, 106, RATE)
        assert (found.assimilation_level, found.assimilation_slope) == (-1.0, None)

    def test_a_peak_that_stays_has_no_half_life(self):
        rising = np.repeat([0.0, 1.0, 2.0, 0.0], [100, 5, 45, 150])
        assert shape(rising, 100, 150, RATE).onset_half_life_s is None
        flat = np.repeat([0.0, 1.0, 0.0], [100, 50, 150])
        assert shape(flat, 100, 150, RATE).onset_half_life_s is None

    def test_frames_without_a_value_are_skipped(self):
        delta = BY_HAND.copy()
        delta[[0, 101, 110, 152, 200, 260]] = np.nan
        found, whole = shape(delta, 100, 150, RATE), shape(BY_HAND, 100, 150, RATE)
        same = [n for n in Shape._fields if not n.endswith("_area")]
        for name in same:
            assert getattr(found, name) == pytest.approx(getattr(whole, name), abs=1e-12), name
        assert found.peak_area == pytest.approx(0.16)

    def test_a_region_without_a_value_is_none(self):
        delta = BY_HAND.copy()
        delta[100:105] = np.nan
        found = shape(delta, 100, 150, RATE)
        nothing = (found.onset_peak, found.onset_mean, found.onset_latency_s, found.onset_half_life_s, found.peak_area)
        assert nothing == (None,) * 5
        assert found.assimilation_level == -1.0

    @pytest.mark.parametrize(
        ("delta", "rate", "message"),
        [
            (np.zeros((2, 300)), RATE, r"delta: got shape \(2, 300\)"),
            (np.zeros(()), RATE, r"delta: got shape \(\)"),
            (np.full(300, np.inf), RATE, "delta: got infinity"),
            (np.zeros(300), 0.0, "frame_rate: got 0.0"),
            (np.zeros(300), math.nan, "frame_rate: got nan"),
            (np.zeros(120), RATE, "span: got"),
        ],
    )
    def test_bad_input_raises(self, delta, rate, message):
        with pytest.raises(ValueError, match=message):
            shape(delta, 100, 150, rate)


def literal_recovery(delta, rate, band=0.05):
    """The docstring of recovery_time, frame by frame; delta without NaN at its ends."""
    width, hold = round(rate / 2), round(rate)
    means = []
    for j in range(len(delta) - width + 1):
        own = [x for x in delta[j : j + width] if not math.isnan(x)]
        means.append(sum(own) / len(own) if own else math.nan)
    bends = [abs(a - 2 * b + c) for a, b, c in zip(means, means[width:], means[2 * width :], strict=False)]
    bends = [b for b in bends if not math.isnan(b)]
    allowed = max(band, 3 * 1.4826 / math.sqrt(6) * statistics.median(bends)) if bends else band
    for j in range(len(means) - hold + 1):
        if all(abs(m) <= allowed for m in means[j : j + hold]):
            return j / rate
    return None


class TestRecoveryTime:
    @pytest.mark.parametrize("rate", [50.0, 25.0, 8.0])
    def test_is_its_definition(self, rate):
        answers = []
        for seed in range(60):
            delta = 4.0 * np.exp(-np.arange(300) / 60) + 2.0 ** (seed % 6 - 3) * noise(seed)[:300]
            delta[noise(seed + 100)[:300] > (3, 1, -1)[seed % 3]] = np.nan  # none, some, most
            answers.append(recovery_time(delta, rate))
            assert answers[-1] == literal_recovery(delta.tolist(), rate), seed
        assert len(set(answers)) > 20

    def test_the_first_window_counts_like_the_others(self):
        for level in (0.03, -0.03, 0.049, -0.049):
            assert recovery_time(np.full(400, level), RATE) == 0
        first = np.zeros(400)
        first[0] = 25 * 0.051  # a mean of 0.051 over the first 25 frames, of 0 from the next frame on
        assert recovery_time(first, RATE) == 1 / 50

    def test_one_value_makes_a_mean(self):
        sparse = np.full(400, np.nan)
        sparse[::25] = 0.0
        assert recovery_time(sparse, RATE) == 0

    def test_a_band_without_any_bend_is_the_one_that_is_given(self):
        # Windows 0 to 49 have a mean, so none has two others 25 and 50 frames on.
        short = np.full(400, np.nan)
        short[:50] = 0.06
        assert recovery_time(short, RATE) is None
        short[:50] = 0.04
        assert recovery_time(short, RATE) == 0

    def test_frames_longer_than_half_a_second_are_windows_themselves(self):
        assert recovery_time(np.array([1.0, -1, 0, 0, 0, 0, 0, 0]), 0.5) == 4.0
        assert recovery_time(np.array([1.0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), 0.5) == 2.0

    def test_frames_without_a_value_are_no_division_by_0(self):
        with np.errstate(all="raise"):
            assert recovery_time(np.full(400, np.nan), RATE) is None

    @pytest.mark.parametrize("tau", [10.0, 25.0, 50.0, 100.0])
    def test_an_exponential_without_noise(self, tau):
        # The mean of h e^(-t / tau) over 25 frames from j on is h e^(-j / tau) c: at most 0.05 from this frame on.
        h, c = 0.8, (1 - math.exp(-25 / tau)) / (1 - math.exp(-1 / tau)) / 25
        frame = max(math.ceil(tau * math.log(h * c / 0.05)), 0)
        assert recovery_time(h * np.exp(-np.arange(400) / tau), RATE) == frame / RATE

    def test_from_below_as_from_above(self):
        delta = 0.8 * np.exp(-np.arange(400) / 30)
        assert recovery_time(-delta, RATE) == recovery_time(delta, RATE)

    def test_what_stays_away_never_recovers(self):
        assert recovery_time(np.full(400, 0.06), RATE) is None
        assert recovery_time(np.full(400, 0.06), RATE, band=0.07) == 0

    def test_less_than_a_second_at_the_baseline_is_passing_through(self):
        # 50 means over 25 frames in a row are over 74; the first and the last may hold one frame of 0.8: 0.032.
        for zeros, time in [(71, None), (72, 0.78)]:
            delta = np.repeat([0.8, 0.0, -0.8], [40, zeros, 300])
            assert recovery_time(delta, RATE) == time, zeros

    def test_a_single_wild_frame_after_it_does_not_matter(self):
        delta = 0.8 * np.exp(-np.arange(400) / 30)
        wild = delta.copy()
        wild[300] = 5.0
        assert recovery_time(wild, RATE) == recovery_time(delta, RATE)

    def test_two_seconds_are_needed(self):
        assert recovery_time(np.zeros(100), RATE) == 0
        assert recovery_time(np.zeros(99), RATE) is None
        assert recovery_time(np.full(400, np.nan), RATE) is None

    def test_noise_alone_is_at_the_baseline(self):
        found = [recovery_time(noise(seed)[:400], RATE) for seed in range(400)]
        assert 0.88 < np.mean([x == 0 for x in found]) < 0.97  # docs/shape.md: 93 %; 1.7 times the band: 100 %
        assert all(x is not None for x in found)

    @pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
    def test_the_band_grows_with_the_noise(self, scale):
        # Far above 0.05 nats the answer is that of the scaled curve; far below it is 0.
        delta = scale * (4.0 * np.exp(-np.arange(400) / 50) + noise(7)[:400])
        expected = 0 if scale < 1 else recovery_time(delta / scale, RATE, band=0.0)
        assert recovery_time(delta, RATE) == expected


class TestProperties:
    LEVELS = ("onset_peak", "onset_mean", "assimilation_level", "offset_peak", "offset_mean", "recovery_residual")

    @pytest.mark.parametrize("seed", range(5))
    def test_a_shift_moves_levels_and_nothing_that_is_a_difference(self, seed):
        delta = planted() + noise(seed)
        one, other = (shape(d, ON, OFF, RATE, 4, 4, 2) for d in (delta, delta + 3.0))
        for name in self.LEVELS:
            assert getattr(other, name) == pytest.approx(getattr(one, name) + 3.0), name
        for name in ("onset_latency_s", "onset_half_life_s", "assimilation_slope", "offset_latency_s"):
            assert getattr(other, name) == pytest.approx(getattr(one, name)), name
        for name, frames in [("peak", 11), ("assimilation", 89), ("offset", 15), ("recovery", 391)]:
            before, after = (getattr(x, f"{name}_area") for x in (one, other))
            assert after == pytest.approx(before + 3.0 * frames / RATE), name

    @pytest.mark.parametrize("seed", range(5))
    def test_a_scale_scales_all_but_times(self, seed):
        delta = planted() + noise(seed)
        one, other = (shape(d, ON, OFF, RATE, 4, 4, 2) for d in (delta, 2.5 * delta))
        for name, before, after in zip(Shape._fields, one, other, strict=True):
            times = name.endswith("_s")
            assert after == pytest.approx(before if times else 2.5 * before), name

    def test_areas_are_means_times_durations(self):
        found = shape(planted() + noise(1), ON, OFF, RATE, 4, 4, 2)
        assert found.peak_area == pytest.approx(found.onset_mean * 11 / RATE)
        assert found.assimilation_area == pytest.approx(found.assimilation_level * 89 / RATE)
        assert found.offset_area == pytest.approx(found.offset_mean * 15 / RATE)

    def test_later_is_the_same_shape(self):
        delta = planted() + noise(2)
        later = np.concatenate([np.zeros(60), delta])
        assert shape(later, ON + 60, OFF + 60, RATE, 4, 4, 2) == shape(delta, ON, OFF, RATE, 4, 4, 2)


class TestPlanted:
    """Exponential peak and recovery with known height, latency, half-life and level."""

    @pytest.mark.parametrize("half_life", [2.0, 4.0, 8.0])
    def test_without_noise(self, half_life):
        found = shape(planted(half_life=half_life), ON, OFF, RATE, 4, 4, 0)
        assert (found.onset_peak, found.onset_latency_s) == (0.8, 0.0)
        assert (found.offset_peak, found.offset_latency_s) == (1.0, 0.0)
        # What is left of the peak after frame 5, summed as a geometric series, is in the level.
        ratio = 2 ** (-1 / half_life)
        left = 1.8 * (ratio**5 - ratio**96) / (1 - ratio) / 91
        assert found.assimilation_level == pytest.approx(-1 + left)
        # The half-life towards this level; on the line through frames, of means of three: within a tenth of a frame.
        expected = -half_life * math.log2((0.8 + left - 1) / 2 / 1.8 + 1 / 1.8)
        assert found.onset_half_life_s * RATE == pytest.approx(expected, abs=0.15)
        assert expected == pytest.approx(half_life, rel=0.12)

    def test_with_noise(self):
        """78 songs with 1 nat of noise a frame: latencies within 2 frames, all else within 4 standard errors."""
        delta = planted(tau=10.0)  # slower than that, the noise decides which frame is the highest
        found = mean_shape(delta + noise(3, songs=78), ON, OFF, RATE, 4, 4, 2)
        for name, value in shape(delta, ON, OFF, RATE, 4, 4, 2)._asdict().items():
            error = 0.04 if "latency" in name else 4 * found[name].se
            assert abs(found[name].estimate - value) <= error, name
        assert found["onset_peak"].se == pytest.approx(1 / 78**0.5, rel=0.3)
        assert found["assimilation_level"].se == pytest.approx(1 / (78 * 89) ** 0.5, rel=0.3)


class TestMeanShape:
    def test_is_the_shape_of_the_average(self):
        curves = planted() + noise(4, songs=9)
        found, expected = mean_shape(curves, ON, OFF, RATE, 4, 4, 2), shape(curves.mean(axis=0), ON, OFF, RATE, 4, 4, 2)
        for name, value in expected._asdict().items():
            assert found[name].estimate == pytest.approx(value), name
            assert found[name].songs == 9
        assert [*found] == [*Shape._fields, "onset_peak_held_out", "offset_peak_held_out"]

    def test_the_error_of_a_mean_is_its_standard_error(self):
        # For what is linear in the curve the jackknife gives sd / sqrt(G) of the songs' values exactly.
        curves = planted() + noise(5, songs=9)
        found = mean_shape(curves, ON, OFF, RATE, 4, 4, 2)
        each = [shape(curve, ON, OFF, RATE, 4, 4, 2) for curve in curves]
        for name in ("onset_mean", "assimilation_level", "assimilation_slope", "recovery_residual", "recovery_area"):
            assert found[name].se == pytest.approx(np.std([getattr(s, name) for s in each], ddof=1) / 3), name

    def test_the_error_of_a_half_life_leaves_out_songs(self):
        curves = planted() + noise(6, songs=6, sd=0.2)
        left = [shape(curves[np.arange(6) != g].mean(axis=0), ON, OFF, RATE).onset_half_life_s for g in range(6)]
        expected = math.sqrt(5 * np.var(left))
        assert mean_shape(curves, ON, OFF, RATE)["onset_half_life_s"].se == pytest.approx(expected)
        assert expected > 0

    def test_one_song_has_no_error(self):
        found = mean_shape(planted()[None], ON, OFF, RATE)
        assert all(e.se is None and e.songs == 1 for name, e in found.items() if not name.endswith("held_out"))
        assert found["onset_peak_held_out"] is found["offset_peak_held_out"] is None

    def test_two_songs_have_an_error_and_no_held_out_height(self):
        curves = np.stack([BY_HAND, BY_HAND + 1.0])
        found = mean_shape(curves, 100, 150, RATE)
        assert found["offset_mean"] == pytest.approx((3.5, 0.5, 2))  # values 3 and 4: sd / sqrt(2)
        assert found["onset_peak_held_out"] is found["offset_peak_held_out"] is None
        three = mean_shape(np.stack([*curves, BY_HAND]), 100, 150, RATE)
        assert three["onset_peak_held_out"] is three["offset_peak_held_out"] is None

    def test_any_number_of_songs_has_errors(self):
        curves = BY_HAND[:200] + np.arange(300.0)[:, None]  # 300 isn't one object in CPython
        found = mean_shape(curves, 100, 150, RATE)["onset_mean"]
        assert found == pytest.approx((2 + 149.5, np.std(np.arange(300), ddof=1) / math.sqrt(300), 300))

    def test_errors_leave_out_songs_where_they_have_a_value(self):
        curves = planted() + noise(6, songs=6, sd=0.2)
        curves[1, 260:300] = curves[2, 280:320] = np.nan
        left = [shape(np.nanmean(np.delete(curves, g, 0), axis=0), ON, OFF, RATE).assimilation_level for g in range(6)]
        found = mean_shape(curves, ON, OFF, RATE)["assimilation_level"]
        assert found.se == pytest.approx(math.sqrt(5 * np.var(left)))
        assert found.estimate == pytest.approx(np.nanmean(curves, axis=0)[255:350].mean())

    def test_a_frame_that_no_song_has_is_no_division_by_0(self):
        curves = np.stack([BY_HAND, BY_HAND, BY_HAND + 1])
        curves[:, 0] = curves[:2, 120] = np.nan
        with np.errstate(all="raise"):
            found = mean_shape(curves, 100, 150, RATE)
        assert found["onset_peak"].estimate == pytest.approx(7 / 3)

    def test_every_other_song_chooses_and_the_others_are_not_asked(self):
        curves = np.array([[0.0, 2, 1], [0, 3, 90], [1, 5, 2], [80, 4, 1]])
        np.testing.assert_equal(held_out(curves, (0, 3)), [np.nan, 3, np.nan, 4])

    def test_what_one_song_decides_is_none(self):
        # Without the first song the curve is flat, so it has no half-life.
        flat = np.repeat([0.0, 1.0, 0.0], [100, 50, 150])
        curves = np.stack([BY_HAND[:300], flat, flat])
        found = mean_shape(curves, 100, 150, RATE)
        assert shape(curves.mean(axis=0), 100, 150, RATE).onset_half_life_s is not None
        assert found["onset_half_life_s"] is None
        assert found["onset_peak"] is not None

    def test_an_average_is_over_the_songs_that_have_the_frame(self):
        curves = np.stack([BY_HAND, BY_HAND + 1, BY_HAND + 2])
        curves[2, 100:105] = np.nan
        assert mean_shape(curves, 100, 150, RATE)["onset_mean"].estimate == pytest.approx(2.5)

    def test_held_out_heights_by_hand(self):
        # Songs 0 and 2 are highest on frame 101, 1 and 3 on 103; each half is measured at the other's frame.
        curves = np.zeros((4, 300))
        curves[[0, 2], 101], curves[[1, 3], 103] = 10.0, 20.0
        curves[[0, 2], 103], curves[[1, 3], 101] = [1.0, 3.0], [5.0, 9.0]
        found = mean_shape(curves, 100, 150, RATE)["onset_peak_held_out"]
        assert found == (4.5, 1.5, 4)  # (2 + 7) / 2, and the mean of the errors 1 and 2

    def test_held_out_heights_are_zero_where_nothing_is_and_the_highest_is_not(self):
        found = [mean_shape(noise(seed, songs=8), ON, OFF, RATE, 4, 4, 2) for seed in range(150)]
        for name in ("onset_peak", "offset_peak"):
            held_out = np.array([f[f"{name}_held_out"].estimate for f in found])
            highest = np.array([f[name].estimate for f in found])
            assert abs(held_out.mean()) < 4 * held_out.std() / 150**0.5
            assert highest.mean() == pytest.approx({"onset_peak": 1.59, "offset_peak": 1.74}[name] / 8**0.5, rel=0.1)
            assert held_out.std() < np.mean([f[f"{name}_held_out"].se for f in found])

    @pytest.mark.parametrize(
        ("curves", "message"),
        [
            (np.zeros(300), r"curves: got shape \(300,\)"),
            (np.zeros((0, 300)), r"curves: got shape \(0, 300\)"),
            (np.zeros((2, 2, 300)), r"curves: got shape \(2, 2, 300\)"),
            (np.stack([np.zeros(300), np.full(300, np.nan)]), "song without any value"),
        ],
    )
    def test_bad_input_raises(self, curves, message):
        with pytest.raises(ValueError, match=message):
            mean_shape(curves, 100, 150, RATE)


@pytest.mark.slow
def test_intervals_of_means_and_levels_cover_and_heights_are_as_documented():
    """20 songs whose curves differ in size by 30 %, 1 nat of noise a frame: docs/shape.md, second table."""
    from scipy.stats import t

    rng, runs, songs = np.random.default_rng(8), 400, 20
    truth = shape(planted(), ON, OFF, RATE, 4, 4, 2)._asdict()
    truth |= {"onset_peak_held_out": truth["onset_peak"], "offset_peak_held_out": truth["offset_peak"]}
    found = {name: [] for name in truth}
    for _ in range(runs):
        sizes = 1 + 0.3 * rng.standard_normal((songs, 1))
        curves = planted() * sizes + rng.standard_normal((songs, FRAMES))
        for name, e in mean_shape(curves, ON, OFF, RATE, 4, 4, 2).items():
            found[name].append((e.estimate, e.se))
    bias, cover = {}, {}
    for name, values in found.items():
        estimate, se = np.array(values).T
        bias[name] = estimate.mean() - truth[name]
        cover[name] = np.mean(abs(estimate - truth[name]) <= t.ppf(0.975, songs - 1) * se)
    for name in ("onset_mean", "assimilation_level", "assimilation_slope", "offset_mean", "recovery_residual"):
        assert 0.91 <= cover[name] <= 0.98, (name, cover[name])
    assert bias["onset_peak"] == pytest.approx(0.10, abs=0.03)
    assert bias["offset_peak"] == pytest.approx(0.26, abs=0.03)
    assert bias["onset_peak_held_out"] == pytest.approx(-0.15, abs=0.06)
    assert bias["offset_peak_held_out"] == pytest.approx(-0.08, abs=0.06)
    assert bias["onset_half_life_s"] == pytest.approx(-0.023, abs=0.008)
    assert bias["recovery_time_s"] == pytest.approx(-0.79, abs=0.15)
    assert min(cover["onset_peak_held_out"], cover["offset_peak_held_out"]) > 0.9
