"""Train a small network on scikit-learn's handwritten digits and log everything worth watching.

    python examples/digits.py --lr 0.1 --hidden 64

Plain NumPy, so that every number that is logged can be seen being made. Two accidents are built in, as they
happen in real life: the labels of one batch are one line off (its loss is a one-step spike), and one batch
holds broken pixels (its loss is NaN). Both updates are skipped.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.datasets import load_digits

import kiseki

CLASSES = 10


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return x_train (1437, 64), y_train, x_test (360, 64), y_test; pixels in 0 … 1."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    x, y = digits.data[order] / 16.0, digits.target[order]
    return x[:1437], y[:1437], x[1437:], y[1437:]


class Network:
    """64 → hidden (ReLU) → 10, softmax."""

    def __init__(self, hidden: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.w1 = rng.normal(0, np.sqrt(2 / 64), (64, hidden))
        self.b1 = np.zeros(hidden)
        self.w2 = rng.normal(0, np.sqrt(2 / hidden), (hidden, CLASSES))
        self.b2 = np.zeros(CLASSES)

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return hidden activations (n, hidden) and class probabilities (n, 10)."""
        hidden = np.maximum(x @ self.w1 + self.b1, 0)
        scores = hidden @ self.w2 + self.b2
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, scores / scores.sum(axis=1, keepdims=True)

    def gradients(self, x: np.ndarray, y: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        """Return the mean cross-entropy of a batch and its gradient for each parameter."""
        hidden, p = self.forward(x)
        n = len(y)
        loss = float(-np.log(np.maximum(p[np.arange(n), y], 1e-12)).mean())
        p[np.arange(n), y] -= 1
        d_scores = p / n
        d_hidden = (d_scores @ self.w2.T) * (hidden > 0)
        return loss, {
            "w1": x.T @ d_hidden,
            "b1": d_hidden.sum(axis=0),
            "w2": hidden.T @ d_scores,
            "b2": d_scores.sum(axis=0),
        }


def train(run: kiseki.Run, args: argparse.Namespace) -> None:
    x_train, y_train, x_test, y_test = load()
    network = Network(args.hidden, args.seed)
    rng = np.random.default_rng(args.seed)
    momentum = {name: 0.0 for name in ("w1", "b1", "w2", "b2")}
    run.define_metric("val/accuracy", summary="max,last")
    for step in range(args.steps):
        began = time.perf_counter()
        lr = args.lr * 0.5 * (1 + np.cos(np.pi * step / args.steps))
        batch = rng.integers(0, len(y_train), args.batch_size)
        x, y = x_train[batch], y_train[batch]
        if step == args.steps // 2:
            y = (y + 1) % CLASSES  # a file read one line off: the loss of this one step is a spike
        if step == args.steps * 3 // 5:
            x = np.where(rng.random(x.shape) < 0.01, np.nan, x)  # broken pixels: the loss is NaN
        loss, gradients = network.gradients(x, y)
        norms = {name: float(np.sqrt((g**2).sum())) for name, g in gradients.items()}
        if (
            np.isfinite(loss) and step != args.steps // 2
        ):  # (somebody noticed: no update from that batch)
            for name, gradient in gradients.items():
                momentum[name] = args.momentum * momentum[name] + gradient
                setattr(network, name, getattr(network, name) - lr * momentum[name])
        row = {
            "train/loss": loss,
            "train/lr": float(lr),
            "train/epoch": step * args.batch_size // len(y_train),
            "grad/w1": norms["w1"],
            "grad/w2": norms["w2"],
            "grad/global": float(np.sqrt(sum(n**2 for n in norms.values()))),
        }
        if step % args.eval_every == args.eval_every - 1:
            _, p = network.forward(x_test)
            correct = p.argmax(axis=1) == y_test
            row["val/loss"] = float(
                -np.log(np.maximum(p[np.arange(len(y_test)), y_test], 1e-12)).mean()
            )
            row["val/accuracy"] = float(correct.mean())
            for digit in range(CLASSES):
                row[f"class/{digit}"] = float(correct[y_test == digit].mean())
            print(f"step {step:5d}  loss {loss:.4f}  accuracy {row['val/accuracy']:.4f}")
        run.log(row, step=step)
        if args.rate:
            time.sleep(max(0.0, 1 / args.rate - (time.perf_counter() - began)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--eval-every", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--rate", type=float, default=0, help="steps per second; 0 = as fast as it goes"
    )
    parser.add_argument("--name", default=None)
    parser.add_argument("--project", default="digits")
    args = parser.parse_args()
    config = {k: v for k, v in vars(args).items() if k not in ("rate", "name", "project")}
    with kiseki.init(project=args.project, name=args.name, config=config, tags=["digits"]) as run:
        train(run, args)


if __name__ == "__main__":
    main()
