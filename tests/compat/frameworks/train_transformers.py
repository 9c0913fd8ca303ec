"""A tiny model trained by transformers' Trainer, which logs through its own callback for wandb."""

import sys

import torch
from transformers import Trainer, TrainingArguments


class Line(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x, labels=None):
        y = self.layer(x).squeeze(-1)
        return {"loss": ((y - labels) ** 2).mean(), "logits": y}


def samples(n):
    x = torch.randn(n, 4)
    return [{"x": row, "labels": row.sum()} for row in x]


arguments = TrainingArguments(
    output_dir=sys.argv[1],
    run_name="line",
    report_to=["wandb"],
    logging_steps=1,
    max_steps=20,
    eval_strategy="steps",
    eval_steps=10,
    save_strategy="no",
    per_device_train_batch_size=8,
    use_cpu=True,
)
Trainer(Line(), arguments, train_dataset=samples(64), eval_dataset=samples(16)).train()
