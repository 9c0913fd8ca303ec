"""stable-baselines3 with its callback of `wandb`, whose figures come through TensorBoard."""

import sys

import wandb
from stable_baselines3 import PPO
from wandb.integration.sb3 import WandbCallback

run = wandb.init(
    project="sb3", id="cartpole", dir=sys.argv[1], config={"steps": 1024},
    sync_tensorboard=True, save_code=True,
)  # fmt: skip
model = PPO(
    "MlpPolicy",
    "CartPole-v1",
    n_steps=128,
    tensorboard_log=f"{sys.argv[1]}/tensorboard",
    device="cpu",
)
model.learn(
    run.config.steps,
    callback=WandbCallback(
        gradient_save_freq=100, model_save_path=f"{sys.argv[1]}/models", model_save_freq=500
    ),
)
run.finish()
