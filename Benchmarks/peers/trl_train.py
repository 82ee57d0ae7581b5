"""LoRA with TRL's SFTTrainer: trl_train.py INPUTS MODEL defaults|grouped|padding-free|packing.

One epoch over the inputs is a repetition; the trainer runs all the time, and a callback holds it between epochs. All but
the defaults do without gradient checkpointing, which costs time and saves memory that is there.
"""

import sys
import tempfile

from contestant import Stopwatch, answer, is_asked, read_inputs
from datasets import Dataset
from peft import LoraConfig
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer

inputs, model_path, variant = sys.argv[1:4]
rows, masks = read_inputs(inputs)
settings = {
    "defaults": dict(per_device_train_batch_size=8),
    "grouped": dict(
        per_device_train_batch_size=8, gradient_checkpointing=False, train_sampling_strategy="group_by_length"
    ),
    "padding-free": dict(
        per_device_train_batch_size=8, gradient_checkpointing=False, padding_free=True, max_length=None
    ),
    # One bin of 1024 tokens holds about as many rows; without flash attention more of them only enlarge the mask.
    "packing": dict(per_device_train_batch_size=1, gradient_checkpointing=False, packing=True, max_length=1024),
}[variant]
labels = [[id if hit else -100 for id, hit in zip(row, mask)] for row, mask in zip(rows, masks)]


class Turns(TrainerCallback):
    """The first epoch is the warm-up."""

    stopwatch = None

    def on_epoch_begin(self, *_, **__):
        if self.stopwatch:
            if not is_asked():
                sys.exit()
            self.stopwatch = Stopwatch()

    def on_epoch_end(self, *_, **__):
        if self.stopwatch:
            self.stopwatch.answer(sum(len(row) for row in rows))
        else:
            answer({"ready": True})
            self.stopwatch = Stopwatch()


with tempfile.TemporaryDirectory() as folder:
    SFTTrainer(
        model=model_path,
        args=SFTConfig(
            output_dir=folder,
            num_train_epochs=1_000_000,
            learning_rate=1e-4,
            lr_scheduler_type="constant",
            use_cpu=True,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **settings,
        ),
        train_dataset=Dataset.from_dict({"input_ids": rows, "labels": labels}),
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[Turns()],
    ).train()
