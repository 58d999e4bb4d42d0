"""How often intervals cover the truth and tests find what isn't there, by simulation.

    python bench/interval_coverage.py > coverage.md

Prints the Markdown tables of docs/statistics.md (about 6 minutes on one core). Songs have an effect of deviation 1 and
4 clips each with deviation 0.5 around it, and one value a song, its mean over clips, goes into what is tested. The
effect is normal, or skewed: gamma with shape 4 (skewness 1, about that of deltas per song) and exponential (skewness
2). Each number is a percentage with its binomial standard error sqrt(p (1 - p) / repetitions).

tests/functional/test_coverage.py runs the same simulations, fewer times.
"""

import gc
import math
from collections.abc import Callable, Iterator

import numpy as np

from noiseprobe.functional.bands import max_t_band
from noiseprobe.functional.hypotheses import adjust, equivalence, permutation_test, t_test, wilcoxon
from noiseprobe.functional.intervals import Interval, jackknife_values, ratio_interval, t_interval
from noiseprobe.functional.shares import pooled_share_interval, share_interval
from noiseprobe.functional.trends import clustered_slope, correlations, song_slopes

SONGS = [8, 12, 20, 78]
CLIPS = 4
LENGTHS = np.array([0.1, 0.2, 1.0, 2.0, 3.0, 4.0])  # seconds: the paper's
EFFECTS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {  # all of mean 0, deviation 1
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewness 1": lambda rng, shape: rng.gamma(4.0, size=shape) / 2 - 2,
    "skewness 2": lambda rng, shape: rng.exponential(size=shape) - 1,
}


def song_means(rng: np.random.Generator, songs: int, effect: str, *more: int) -> np.ndarray:
    """Means of true value 0, `[G, *more]`: each song's effect and the mean of its clips' own."""
    clips = rng.normal(0, 0.5, (CLIPS, songs, *more)).mean(axis=0)
    return EFFECTS[effect](rng, (songs, *more)) + clips


def covers(found: Interval, truth: float) -> bool:
    return found.low <= truth <= found.high


def share(outcomes: Iterator[bool]) -> tuple[float, float]:
    """Of true outcomes, and its binomial standard error, in per cent."""
    values = list(outcomes)
    p = sum(values) / len(values)
    return 100 * p, 100 * math.sqrt(p * (1 - p) / len(values))


def t_coverage(songs: int, effect: str, repetitions: int, seed: int = 0) -> Iterator[bool]:
    rng = np.random.default_rng(seed)
    return (covers(t_interval(song_means(rng, songs, effect)), 0) for _ in range(repetitions))


def bca_coverage(songs: int, effect: str, repetitions: int, seed: int = 0, resamples: int = 999) -> Iterator[bool]:
    """Of scipy's BCa itself: bca_interval refuses so few songs."""
    from scipy.stats import bootstrap

    rng = np.random.default_rng(seed)
    for _ in range(repetitions):
        data = (song_means(rng, songs, effect),)
        found = bootstrap(data, np.mean, method="BCa", n_resamples=resamples, vectorized=True, random_state=rng)
        yield found.confidence_interval.low <= 0 <= found.confidence_interval.high


def ratio_coverage(songs: int, repetitions: int, seed: int = 0) -> Iterator[bool]:
    """Of 0.5 / 1.5 with song effects that correlate by 0.6; repetitions without an interval don't count."""
    rng = np.random.default_rng(seed)
    for _ in range(repetitions):
        bottom = song_means(rng, songs, "normal")
        top = 0.6 * bottom + 0.8 * song_means(rng, songs, "normal")
        found = ratio_interval(0.5 + top, 1.5 + bottom)
        if found.low is not None:
            yield covers(found, 1 / 3)


def share_coverage(songs: int, truth: float, clips: bool, repetitions: int, seed: int = 0) -> Iterator[bool]:
    """Of a share whose songs have their own, beta distributed with variance truth (1 - truth) / 5."""
    rng = np.random.default_rng(seed)
    for _ in range(repetitions):
        wins = rng.binomial(CLIPS, rng.beta(4 * truth, 4 * (1 - truth), songs)) / CLIPS
        yield covers(share_interval(wins, clips=songs * CLIPS if clips else None), truth)


def auc_coverage(songs: int, shift: float, logit: bool, repetitions: int, seed: int = 0) -> Iterator[bool]:
    """Of a pooled AUC by the jackknife over songs; twins share their song's effect."""
    rng = np.random.default_rng(seed)
    # A song's effect and a clip's own, apart in two independent draws: N(shift, 2 (1 + 0.25)) > 0
    truth = 0.5 * (1 + math.erf(shift / math.sqrt(2 * 1.25) / math.sqrt(2)))
    for _ in range(repetitions):
        effect = rng.normal(size=(songs, 1))
        clean, corrupted = effect + rng.normal(0, 0.5, (2, songs, CLIPS))
        corrupted += shift
        wins = (corrupted[:, None, :, None] > clean[None, :, None, :]).mean(axis=(2, 3))  # [song, song]
        own = np.diag(wins)
        without = (wins.sum() - wins.sum(axis=0) - wins.sum(axis=1) + own) / (songs - 1) ** 2
        pseudo = jackknife_values(wins.mean(), without)
        yield covers(pooled_share_interval(wins.mean(), pseudo) if logit else t_interval(pseudo), truth)


def band_coverage(
    songs: int, effect: str, repetitions: int, resamples: int = 1000, correlation: float = 0.5, frames: int = 200,
    seed: int = 0,
) -> tuple[list[bool], list[bool], float]:  # fmt: skip
    """Whether the simultaneous and the pointwise band hold all frames of an AR(1) curve, and the median multiplier."""
    rng = np.random.default_rng(seed)
    both: tuple[list[bool], list[bool]] = ([], [])
    multipliers = []
    for _ in range(repetitions):
        curves = song_means(rng, songs, effect, frames)
        for t in range(1, frames):
            curves[:, t] = correlation * curves[:, t - 1] + math.sqrt(1 - correlation**2) * curves[:, t]
        band = max_t_band(curves, seed=int(rng.integers(2**31)), resamples=resamples)
        away = np.abs(band.mean) / band.se
        multipliers.append(band.simultaneous[0])
        for held, bound in zip(both, [band.simultaneous, band.pointwise], strict=True):
            held.append(bool((away <= bound).all()))
    return *both, float(np.median(multipliers))


# What each test returns for differences of mean 0.
MEAN_TESTS: dict[str, Callable[[np.ndarray], float]] = {
    "t, two-sided": lambda v: t_test(v).two_sided,
    "t, mean > 0": lambda v: t_test(v).greater,
    "t, mean < 0": lambda v: t_test(v).less,
    "permutation": lambda v: permutation_test(v, resamples=999),
    "Wilcoxon": wilcoxon,
    "TOST, mean at the margin": lambda v: equivalence(v + 2.0, 2.0),
}


def false_positives(test: str, songs: int, effect: str, repetitions: int, seed: int = 0) -> Iterator[bool]:
    rng = np.random.default_rng(seed)
    return (MEAN_TESTS[test](song_means(rng, songs, effect)) <= 0.05 for _ in range(repetitions))


def sloping(rng: np.random.Generator, songs: int, unbalanced: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths, deltas and songs of clips whose songs each have a slope, of mean 0; rows sorted by song.

    Unbalanced: a third of the songs have one clip instead of 4, and songs have only some of the lengths.
    """
    number = np.where(np.arange(songs) % 3 == 0, 1, CLIPS) if unbalanced else np.full(songs, CLIPS)
    rows = np.repeat(np.arange(songs), number * len(LENGTHS))
    x = np.tile(LENGTHS, number.sum())
    y = rng.normal(size=songs)[rows] * x + rng.normal(size=songs)[rows] + rng.normal(0, 0.5, len(rows))
    if unbalanced:
        keep = rng.random(len(rows)) < 0.7
        x, y, rows = x[keep], y[keep], rows[keep]
    return x, y, rows


TREND_TESTS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], float]] = {
    "t over song slopes": lambda x, y, s: t_test(song_slopes(x, y, s)).two_sided,
    "clustered slope": lambda x, y, s: clustered_slope(x, y, s).p,
}


def false_slopes(test: str, songs: int, unbalanced: bool, repetitions: int, seed: int = 0) -> Iterator[bool]:
    rng = np.random.default_rng(seed)
    return (TREND_TESTS[test](*sloping(rng, songs, unbalanced)) <= 0.05 for _ in range(repetitions))


def false_correlations(
    field: str, songs: int, models: int, repetitions: int, shared: bool = True, seed: int = 0
) -> Iterator[bool]:
    """Correlation of mean deltas with length over (model, length) points, of mean slope 0.

    Shared: the points are means over the same songs, each with a slope of its own, as real ones are.
    """
    rng = np.random.default_rng(seed)
    x = np.tile(LENGTHS, models)
    for _ in range(repetitions):
        y = rng.normal(0, 0.5, (songs, len(x))).mean(axis=0)
        if shared:
            y += rng.normal(size=songs).mean() * x
        yield getattr(correlations(x, y), field) <= 0.05


def false_findings(method: str, effects: int, repetitions: int, songs: int = 12, seed: int = 0) -> np.ndarray:
    """Of 12 t tests on the same songs, `effects` of which are true: false and all findings, `[repetitions, 2]`.

    Half of each test's song effect is common to all tests.
    """
    rng = np.random.default_rng(seed)
    counts = []
    gc.freeze()  # statsmodels collects garbage in each Holm correction: 60 ms with all modules loaded
    for _ in range(repetitions):
        values = (song_means(rng, songs, "normal", 12) + song_means(rng, songs, "normal", 1)) / math.sqrt(2)
        values[:, :effects] += 1.0
        ps = [t_test(values[:, i]).two_sided for i in range(12)]
        found = np.array(ps if method == "none" else adjust(ps, method)) <= 0.05
        counts.append((found[effects:].sum(), found.sum()))
    gc.unfreeze()
    return np.array(counts)


def family_wise(counts: np.ndarray) -> tuple[float, float]:
    return share(iter((counts[:, 0] > 0).tolist()))


def discovery(counts: np.ndarray) -> tuple[float, float]:
    """Mean share of false ones among findings (0 where there are none), and its standard error, in per cent."""
    rates = 100 * counts[:, 0] / np.maximum(counts[:, 1], 1)
    return float(rates.mean()), float(rates.std(ddof=1) / math.sqrt(len(rates)))


def table(head: list[str], rows: Iterator[list[str | tuple[float, float]]]) -> None:
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print(
            "| " + " | ".join(c if isinstance(c, str) else f"{c[0]:.1f} ± {c[1]:.1f}" for c in row) + " |", flush=True
        )
    print()


def main() -> None:
    by_songs = [f"{g} songs" for g in SONGS]

    print("## Coverage of 95 % intervals of a mean\n")
    methods = {"t (5,000)": (t_coverage, 5000), "BCa (1,000)": (bca_coverage, 1000)}
    head = ["interval (repetitions)", "song effect", *by_songs]
    table(head, ([m, e, *(share(f(g, e, n)) for g in SONGS)] for m, (f, n) in methods.items() for e in EFFECTS))

    print("## Coverage of 95 % intervals of what is no mean (2,000)\n")
    special: dict[str, Callable[[int], Iterator[bool]]] = {
        "Fieller, ratio 1/3": lambda g: ratio_coverage(g, 2000),
        "share 0.5, n up to songs": lambda g: share_coverage(g, 0.5, False, 2000),
        "share 0.5, n up to clips": lambda g: share_coverage(g, 0.5, True, 2000),
        "share 0.9, n up to songs": lambda g: share_coverage(g, 0.9, False, 2000),
        "share 0.9, n up to clips": lambda g: share_coverage(g, 0.9, True, 2000),
        "AUC 0.74, logit jackknife": lambda g: auc_coverage(g, 1.0, True, 2000),
        "AUC 0.74, plain jackknife": lambda g: auc_coverage(g, 1.0, False, 2000),
        "AUC 0.96, logit jackknife": lambda g: auc_coverage(g, 2.8, True, 2000),
        "AUC 0.96, plain jackknife": lambda g: auc_coverage(g, 2.8, False, 2000),
    }
    table(["interval", *by_songs], ([name, *(share(f(g)) for g in SONGS)] for name, f in special.items()))

    print("## Coverage of 95 % bands over all of 200 frames (400), AR(1) with 0.5 between frames\n")
    rows = []
    for effect in EFFECTS:
        bands = [band_coverage(g, effect, 400) for g in SONGS]
        rows.append(["max-t", effect, *(share(iter(b[0])) for b in bands)])
        rows.append(["its median multiplier", effect, *(f"{b[2]:.2f}" for b in bands)])
        rows.append(["pointwise", effect, *(share(iter(b[1])) for b in bands)])
    table(["band", "song effect", *by_songs], iter(rows))

    print("## False positives of tests of a mean at 5 % (2,000)\n")
    tests = [(t, e) for e in EFFECTS for t in MEAN_TESTS]
    head = ["test", "song effect", *by_songs]
    table(head, ([t, e, *(share(false_positives(t, g, e, 2000)) for g in SONGS)] for t, e in tests))

    print("## False positives of trends with length at 5 % (2,000), songs with slopes of mean 0\n")
    rows = []
    for test in TREND_TESTS:
        for name, unbalanced in [("balanced", False), ("unbalanced", True)]:
            rows.append([test, name, *(share(false_slopes(test, g, unbalanced, 2000)) for g in SONGS)])
    for field in ["pearson_p", "spearman_p"]:
        for models in [1, 4]:
            for name, shared in [("independent", False), ("sharing songs", True)]:
                points = f"{models * len(LENGTHS)} points, {name}"
                rows.append(
                    [field[:-2], points, *(share(false_correlations(field, g, models, 2000, shared)) for g in SONGS)]
                )
    table(["test", "rows", *by_songs], iter(rows))

    print("## Corrections: 12 t tests on the same 12 songs (2,000)\n")
    rows = []
    for method in ["none", "holm", "bh"]:
        null, half = (false_findings(method, effects, 2000) for effects in [0, 6])
        power = 100 * float((half[:, 1] - half[:, 0]).mean()) / 6
        rows.append([method, family_wise(null), family_wise(half), discovery(half), f"{power:.0f}"])
    table(
        ["correction", "any false, no effect", "any false, 6 effects", "false of found, 6 effects", "found of 6"],
        iter(rows),
    )


if __name__ == "__main__":
    main()
