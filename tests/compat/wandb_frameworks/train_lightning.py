"""lightning's WandbLogger with everything it offers: every checkpoint, gradients, tables, pictures, texts."""

import sys

import lightning
import numpy
import torch
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger


class Line(lightning.LightningModule):
    def __init__(self, rate: float = 0.1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, index):
        x, y = batch
        loss = ((self.layer(x).squeeze(-1) - y) ** 2).mean()
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        x, y = batch
        self.log("val/loss", ((self.layer(x).squeeze(-1) - y) ** 2).mean())

    def on_validation_epoch_end(self):
        rng = numpy.random.default_rng(self.current_epoch)
        self.logger.log_table("samples", ["x", "y"], [[index, index**2] for index in range(5)])
        self.logger.log_image("pictures", [rng.integers(0, 255, (16, 16, 3), dtype=numpy.uint8)])
        self.logger.log_text("words", ["said"], [["something"]])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.rate)


def loader(count):
    x = torch.randn(count, 4)
    data = torch.utils.data.TensorDataset(x, x.sum(1))
    return torch.utils.data.DataLoader(data, batch_size=8, num_workers=0)


logger = WandbLogger(
    project="lightning",
    name="line",
    id="line",
    save_dir=sys.argv[1],
    tags=["tiny"],
    log_model="all",
)
model = Line()
logger.watch(model, log="all", log_freq=5)
trainer = lightning.Trainer(
    max_epochs=3,
    logger=logger,
    log_every_n_steps=1,
    accelerator="cpu",
    default_root_dir=sys.argv[1],
    callbacks=[ModelCheckpoint(monitor="val/loss", save_top_k=-1), LearningRateMonitor("step")],
    enable_progress_bar=False,
    enable_model_summary=False,
)
trainer.fit(model, loader(80), loader(16))
logger.experiment.finish()
