"""transformers' Trainer with its own callback: metrics, config, gradients, checkpoints; then resumed."""

import os
import sys
from pathlib import Path

os.environ |= {"WANDB_PROJECT": "transformers", "WANDB_LOG_MODEL": "checkpoint"}
os.environ |= {"WANDB_WATCH": "all", "WANDB_RUN_ID": "trainer", "WANDB_RESUME": "allow"}

import torch
from transformers import PretrainedConfig, PreTrainedModel, Trainer, TrainingArguments


class Line(PreTrainedModel):
    config_class = PretrainedConfig

    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(4, 1)
        self.post_init()

    def _init_weights(self, module):
        pass

    def forward(self, x, labels=None):
        y = self.layer(x).squeeze(-1)
        return {"loss": ((y - labels) ** 2).mean(), "logits": y}


def samples(count):
    x = torch.randn(count, 4)
    return [{"x": row, "labels": row.sum()} for row in x]


def arguments(steps):
    return TrainingArguments(
        output_dir=sys.argv[1],
        run_name="line",
        report_to="wandb",
        logging_steps=5,
        max_steps=steps,
        eval_strategy="steps",
        eval_steps=10,
        save_strategy="steps",
        save_steps=20,
        per_device_train_batch_size=8,
        use_cpu=True,
    )


def train(steps, resume):
    model = Line(PretrainedConfig())
    trainer = Trainer(model, arguments(steps), train_dataset=samples(64), eval_dataset=samples(16))
    trainer.train(resume_from_checkpoint=resume)
    import wandb

    wandb.finish()


train(40, None)
last = max(Path(sys.argv[1]).glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
train(60, str(last))
