"""A tiny model trained by lightning with its WandbLogger."""

import sys

import lightning
import torch
from lightning.pytorch.loggers import WandbLogger


class Line(lightning.LightningModule):
    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, index):
        x, y = batch
        loss = ((self.layer(x).squeeze(-1) - y) ** 2).mean()
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.rate)


x = torch.randn(160, 4)
data = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(x, x.sum(1)), batch_size=8, num_workers=0
)
logger = WandbLogger(project="lightning", name="line", save_dir=sys.argv[1], tags=["tiny"])
model = Line()
logger.watch(model, log="gradients", log_freq=5)
trainer = lightning.Trainer(
    max_epochs=1, logger=logger, log_every_n_steps=1, accelerator="cpu", default_root_dir=sys.argv[1],
    enable_progress_bar=False, enable_model_summary=False,
)  # fmt: skip
trainer.fit(model, data)
