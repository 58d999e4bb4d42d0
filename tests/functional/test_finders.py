"""Each way to find regions on curves made by hand, and what each sees in curves that hold nothing but noise."""

import numpy as np
import pytest

from noiseprobe.functional.finders import FINDERS, position, published, zero_crossing
from noiseprobe.functional.regions import regions

SONGS = 2000  # null curves
# Means over regions of N(0, 1) differences, noise on 100 frames from 250 on; docs/shape.md has the same figures.
NULL = {
    "position": {"peak": 0.0, "assimilation": 0.0, "offset": 0.0, "recovery": 0.0},
    "zero_crossing": {"peak": 0.24, "assimilation": -0.36, "recovery": 0.006},
    "published": {"peak": 0.103, "assimilation": -0.086, "recovery": 0.0},
}


def curve(*steps):
    """Runs of (value, frames)."""
    return np.repeat([float(value) for value, _ in steps], [frames for _, frames in steps])


def ranges(peak, assimilation, offset, recovery):
    return {"peak": peak, "assimilation": assimilation, "offset": offset, "recovery": recovery}


NOTHING = ranges(None, None, None, None)


def test_position_is_the_default_whatever_the_values():
    delta = np.random.default_rng(0).standard_normal(750)
    assert position(delta, 250, 350, 4, 4, 2, 1) == regions(250, 350, 750, 4, 4, 2, 1)


class TestZeroCrossing:
    def test_boundaries_are_where_the_steps_are(self):
        # Averages over 5 frames of a step between equal heights change sign where the step is.
        delta = curve((0, 246), (1, 10), (-1, 100), (1, 20), (-1, 374))
        assert zero_crossing(delta, 250, 350, 4, 4, 0, 1) == ranges((246, 256), (256, 356), None, (356, 750))

    def test_a_higher_step_pulls_the_boundary_over(self):
        # Around the step from 3 to -1 the sums over 5 frames are 7, 3, -1: the second frame of -1 is the first below.
        delta = curve((0, 20), (3, 20), (-1, 40))
        assert zero_crossing(delta, 20, 60) == ranges((20, 41), (41, 80), None, None)

    def test_four_frames_are_no_run(self):
        # As sums over 5 of these are below 0 on as many frames as the fall has.
        four, five = (curve((0, 20), (1, 20), (-1, n), (1, 40)) for n in (4, 5))
        assert zero_crossing(four, 20, 60)["assimilation"] is None
        assert zero_crossing(five, 20, 60)["assimilation"] == (40, 45)

    def test_a_fall_at_once_leaves_no_peak(self):
        assert zero_crossing(curve((0, 20), (-1, 60)), 20, 60) == ranges(None, (20, 80), None, None)

    def test_zero_is_on_neither_side(self):
        assert zero_crossing(np.zeros(80), 20, 60) == ranges((20, 80), None, None, None)
        back_to_zero = curve((0, 20), (1, 20), (-1, 20), (0, 40))
        assert zero_crossing(back_to_zero, 20, 60) == ranges((20, 40), (40, 100), None, None)

    def test_frames_before_the_first_are_not_averaged_in(self):
        delta = np.concatenate([[np.nan, np.nan], curve((1, 10), (-1, 10))])
        assert zero_crossing(delta, 2, 12, first=2)["peak"] == (2, 12)

    def test_it_begins_before_the_noise_by_look_ahead_and_context(self):
        delta = curve((0, 20), (1, 20), (-1, 60))
        assert zero_crossing(delta, 20, 60, look_ahead=4, context=3)["peak"][0] == 13

    @pytest.mark.parametrize("left", [1, 2, 4, 5])
    def test_fewer_than_5_frames_are_no_run(self, left):
        delta = np.full(300, -1.0)
        found = zero_crossing(delta, 300 - left, 300)
        span = (300 - left, 300)
        assert found == (ranges(None, span, None, None) if left == 5 else ranges(span, None, None, None))


class TestPublished:
    """Rows and frames: `rows` is what the code would have, a row fewer than frames."""

    def rows(self, *steps):
        return np.concatenate([[np.nan], curve(*steps)])

    @pytest.mark.parametrize("length", [50, 100, 150, 200])
    def test_the_published_rows(self, length):
        # Row 245 to row 260, to row 249 + length + 4, to the last of 749 rows, which is left out; a frame is a row + 1.
        delta = self.rows((0, 245), (1, 15), (-1, 489))
        found = published(delta, 250, 250 + length, first=1)
        assert found == ranges((246, 261), (261, 254 + length), None, (254 + length, 749))

    def test_at_the_baseline_counts_as_low_and_the_baseline_is_of_200_rows(self):
        delta = self.rows((0.5, 200), (-9, 45), (0.6, 10), (0.5, 494))
        assert published(delta, 250, 350, first=1)["peak"] == (246, 256)
        delta[201] = 99  # row 200
        assert published(delta, 250, 350, first=1)["peak"] == (246, 256)
        delta[200] = 99  # row 199
        assert published(delta, 250, 350, first=1)["peak"] is None

    def test_four_rows_are_no_run(self):
        delta = self.rows((0, 245), (1, 5), (-1, 4), (1, 6), (-1, 5), (1, 484))
        assert published(delta, 250, 350, first=1)["peak"] == (246, 261)

    def test_without_a_run_the_peak_has_50_rows(self):
        assert published(self.rows((0, 245), (1, 504)), 250, 350, first=1)["peak"] == (246, 296)

    def test_the_last_row_is_in_no_run(self):
        last, before = (self.rows((0, 245), (1, n), (-1, 504 - n)) for n in (499, 498))
        assert published(last, 250, 350, first=1)["peak"] == (246, 296)
        assert published(before, 250, 350, first=1)["peak"] == (246, 744)

    def test_a_late_run_leaves_no_assimilation_and_a_peak_that_reaches_into_recovery(self):
        found = published(self.rows((0, 245), (1, 200), (-1, 304)), 250, 300, first=1)
        assert found == ranges((246, 446), None, None, (304, 749))

    def test_another_onset_moves_everything(self):
        delta = self.rows((0, 195), (1, 15), (-1, 489))
        assert published(delta, 200, 300, first=1) == ranges((196, 211), (211, 304), None, (304, 699))

    def test_frame_0_is_not_scored(self):
        delta = self.rows((0, 245), (1, 15), (-1, 489))
        delta[0] = -1e9
        assert published(delta, 250, 350) == published(delta, 250, 350, first=1)

    @pytest.mark.parametrize("length", [5, 10, 49, 201])
    def test_other_lengths_are_not_published(self, length):
        assert published(np.zeros(750), 250, 250 + length) == NOTHING

    def test_frames_from_the_first_on_need_a_value(self):
        for at in (0, 300):
            delta = np.zeros(750)
            delta[at] = np.nan
            with pytest.raises(ValueError, match="finite values from frame 0 on"):
                published(delta, 250, 350)

    def test_no_baseline_no_regions(self):
        assert published(np.zeros(750), 20, 120) == NOTHING
        assert published(np.zeros(750), 50, 150) == NOTHING
        assert published(np.zeros(750), 51, 151) != NOTHING


@pytest.mark.parametrize("name", FINDERS)
class TestAll:
    def test_without_noise_there_is_no_region(self, name):
        assert FINDERS[name](np.zeros(750), 250, 250, 4, 4, 2, 0) == NOTHING
        assert FINDERS[name](np.zeros(750), int("300"), int("300"), 4, 4, 2, 0) == NOTHING  # equal, not one object

    @pytest.mark.parametrize("at", [1, 245, 749])
    def test_a_missing_value_raises(self, name, at):
        delta = np.zeros(750)
        delta[at] = np.nan
        with pytest.raises(ValueError, match="finite values from frame 1 on"):
            FINDERS[name](delta, 250, 350, 4, 4, 2, 1)

    def test_without_a_first_frame_it_is_frame_0(self, name):
        delta = np.random.default_rng(4).standard_normal(750)
        for on in (0, 2, 250):
            assert FINDERS[name](delta, on, on + 100, 4) == FINDERS[name](delta, on, on + 100, 4, 0, 0, 0)

    @pytest.mark.parametrize(("on", "off"), [(-1, 5), (5, 4), (5, 751)])
    def test_a_span_outside_the_curve_raises(self, name, on, off):
        with pytest.raises(ValueError, match="750 frames"):
            FINDERS[name](np.zeros(750), on, off, 4, 4, 2, 0)

    @pytest.mark.parametrize("delta", [np.array(0.0), np.zeros((2, 750))])
    def test_what_is_no_curve_raises(self, name, delta):
        with pytest.raises(ValueError, match="delta: got shape"):
            FINDERS[name](delta, 0, 0)

    def test_scaling_changes_nothing(self, name):
        delta = np.random.default_rng(2).standard_normal(750)
        assert FINDERS[name](delta, 250, 350, 4, 4, 2, 1) == FINDERS[name](4 * delta, 250, 350, 4, 4, 2, 1)

    def test_what_it_sees_where_there_is_nothing(self, name):
        curves = np.random.default_rng(3).standard_normal((SONGS, 750))
        found = {region: [] for region in ("peak", "assimilation", "offset", "recovery")}
        for delta in curves:
            for region, bounds in FINDERS[name](delta, 250, 350, 4, 4, 0, 1).items():
                if bounds:
                    found[region].append(delta[slice(*bounds)].mean())
        means = {region: (np.mean(v), np.std(v) / len(v) ** 0.5) for region, v in found.items() if v}
        assert means.keys() == NULL[name].keys()
        for region, (mean, error) in means.items():
            assert abs(mean - NULL[name][region]) < 4 * error, (region, mean, error)
        if name != "position":  # far from 0: what the paper reads as its effect
            assert means["peak"][0] > 10 * means["peak"][1]
            assert means["assimilation"][0] < -10 * means["assimilation"][1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("length", "where", "zeros"),
    [(50, -0.177, -0.113), (100, -0.086, -0.073), (150, -0.050, -0.046), (200, -0.033, -0.031)],
)
def test_published_assimilation_without_noise_at_each_length(length, where, zeros):
    """As a mean over curves that have one, and with the 0 that the code puts where there is none."""
    curves = np.random.default_rng(4).standard_normal((10_000, 750))
    bounds = [published(delta, 250, 250 + length, first=1)["assimilation"] for delta in curves]
    means = [delta[slice(*at)].mean() for delta, at in zip(curves, bounds, strict=True) if at]
    assert np.mean(means) == pytest.approx(where, abs=4 * np.std(means) / len(means) ** 0.5)
    assert np.sum(means) / len(curves) == pytest.approx(zeros, abs=4 * np.std(means) / len(curves) ** 0.5)
