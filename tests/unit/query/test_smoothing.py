"""Smoothing here is that in the browser (ui-spec 5.4): `tests/fixtures/smoothing.json` holds both."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kiseki.core.query.smoothing import Means, Smoothing, smooth
from kiseki.errors import Invalid

FIXTURE = json.loads((Path(__file__).parents[2] / "fixtures" / "smoothing.json").read_text("utf-8"))


def means_of(series: dict[str, Any]) -> Means:
    x, dx = np.array(series["x"]), np.array(series["dx_last"])
    mean = np.array([math.nan if value is None else value for value in series["mean"]])
    count = np.where(np.isnan(mean), 0.0, np.array(series["count"], float))
    return Means(x, x + dx, mean, count)


def test_every_curve_is_that_of_the_fixture() -> None:
    assert len(FIXTURE["cases"]) > 50
    for case in FIXTURE["cases"]:
        how = Smoothing(span=case["span"], log=case["log"], **case["smoothing"])
        # Among others, of other lengths: they are smoothed as rows of one matrix.
        series = [means_of(one) for one in FIXTURE["series"]]
        curve = smooth(series, how)[case["series"]]
        expected = [math.nan if value is None else value for value in case["y"]]
        assert curve.tolist() == pytest.approx(expected, rel=1e-9, nan_ok=True), case["smoothing"]


def test_what_says_nothing_is_refused() -> None:
    for how in (
        Smoothing("ema", weight=1.0),
        Smoothing("ema", weight=math.nan),
        Smoothing("gaussian", sigma=-1.0),
        Smoothing("gaussian", sigma=math.inf),
        Smoothing("mean", points=-1),
        Smoothing("median", points=10_000_000),
        Smoothing("ema-time", weight=0.5, span=math.nan),
    ):
        with pytest.raises(Invalid):
            how.check()
