"""PyTorch's SummaryWriter with `sync_tensorboard=True`."""

import sys

import numpy
import torch
import wandb
from torch.utils.tensorboard import SummaryWriter

with wandb.init(project="tensorboard", id="synced", dir=sys.argv[1], sync_tensorboard=True):
    writer = SummaryWriter(f"{sys.argv[1]}/logs")
    for step in range(30):
        writer.add_scalar("loss/train", 1 / (step + 1), step)
        writer.add_histogram("weights", torch.randn(100), step)
    writer.add_image("picture", numpy.zeros((3, 8, 8), dtype="uint8"), 5)
    writer.close()
