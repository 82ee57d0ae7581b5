"""LoRA with PEFT in a plain loop: peft_train.py INPUTS MODEL DTYPE [--adapter-dtype-of-base] [--drawn] [--device DEVICE]
[--gradient-checkpointing].

Rank 16 on all linear layers, fused AdamW, 8 rows a step, padded to the longest of them. With --drawn the model is a folder
whose config.json says its shape, and the weights are random ones made on the device.
"""

import argparse

import torch
from contestant import read_inputs, serve
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("inputs")
parser.add_argument("model")
parser.add_argument("dtype")
parser.add_argument("--adapter-dtype-of-base", action="store_true")
parser.add_argument("--drawn", action="store_true")
parser.add_argument("--device", default="cpu")
parser.add_argument("--gradient-checkpointing", action="store_true")
options = parser.parse_args()
rows, masks = read_inputs(options.inputs)
if options.drawn:
    shape = AutoConfig.from_pretrained(options.model)
    with torch.device(options.device):
        model = AutoModelForCausalLM.from_config(
            shape, dtype=getattr(torch, options.dtype), attn_implementation="sdpa"
        )
else:
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=options.dtype).to(options.device)
linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
configuration = LoraConfig(r=16, lora_alpha=32, lora_dropout=0, target_modules=linears, task_type="CAUSAL_LM")
# By default PEFT keeps the matrices in float32, and computes with them in it, whatever the base is in.
model = get_peft_model(model, configuration, autocast_adapter_dtype=not options.adapter_dtype_of_base)
if options.gradient_checkpointing:
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
model.train()
parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True)


def batches():
    for begin in range(0, len(rows), 8):
        chosen = list(zip(rows[begin:begin + 8], masks[begin:begin + 8]))
        longest = max(len(ids) for ids, _ in chosen)
        ids = torch.zeros(len(chosen), longest, dtype=torch.long)
        labels = torch.full_like(ids, -100)
        attended = torch.zeros_like(ids)
        for index, (row, mask) in enumerate(chosen):
            ids[index, :len(row)] = torch.tensor(row)
            labels[index, :len(row)] = torch.tensor([id if hit else -100 for id, hit in zip(row, mask)])
            attended[index, :len(row)] = 1
        # Without padding the mask says nothing, and leaving it out lets the model take the faster causal path.
        batch = dict(input_ids=ids, labels=labels, **({} if attended.all() else {"attention_mask": attended}))
        yield {name: tensor.to(options.device) for name, tensor in batch.items()}


prepared = list(batches())


def repetition():
    for batch in prepared:
        model(**batch, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return sum(len(row) for row in rows)


serve(repetition)
