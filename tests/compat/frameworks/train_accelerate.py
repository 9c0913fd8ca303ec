"""A loop of one's own with accelerate's tracker for wandb."""

import sys

import torch
from accelerate import Accelerator

accelerator = Accelerator(log_with="wandb", cpu=True)
accelerator.init_trackers(
    "accelerate", config={"rate": 0.1}, init_kwargs={"wandb": {"name": "line", "dir": sys.argv[1]}}
)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model, optimizer = accelerator.prepare(model, optimizer)
for step in range(20):
    x = torch.randn(8, 4)
    loss = ((model(x).squeeze(-1) - x.sum(1)) ** 2).mean()
    accelerator.backward(loss)
    optimizer.step()
    optimizer.zero_grad()
    accelerator.log({"train/loss": loss.item()}, step=step)
accelerator.end_training()
