"""The plots of `wandb.sklearn`."""

import sys

import numpy
import wandb
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge

rng = numpy.random.default_rng(0)
x = rng.normal(size=(200, 4))
y = (x.sum(1) > 0).astype(int)
names = ["a", "b", "c", "d"]
with wandb.init(project="sklearn", id="plots", dir=sys.argv[1]):
    model = RandomForestClassifier(10, random_state=0).fit(x[:150], y[:150])
    wandb.sklearn.plot_classifier(
        model, x[:150], x[150:], y[:150], y[150:], model.predict(x[150:]),
        model.predict_proba(x[150:]), ["no", "yes"], model_name="forest", feature_names=names,
    )  # fmt: skip
    line = Ridge().fit(x[:150], x[:150].sum(1))
    wandb.sklearn.plot_regressor(
        line, x[:150], x[150:], x[:150].sum(1), x[150:].sum(1), model_name="ridge"
    )
    wandb.sklearn.plot_clusterer(
        KMeans(2, n_init=1, random_state=0).fit(x), x, y, ["no", "yes"], "kmeans"
    )
