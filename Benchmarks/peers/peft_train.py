"""LoRA with PEFT in a plain loop: peft_train.py INPUTS MODEL DTYPE [--adapter-dtype-of-base].

Rank 16 on all linear layers, fused AdamW, 8 rows a step, padded to the longest of them.
"""

import sys

import torch
from contestant import read_inputs, serve
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

inputs, model_path, dtype = sys.argv[1:4]
rows, masks = read_inputs(inputs)
model = AutoModelForCausalLM.from_pretrained(model_path, dtype=dtype)
linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
configuration = LoraConfig(r=16, lora_alpha=32, lora_dropout=0, target_modules=linears, task_type="CAUSAL_LM")
# By default PEFT keeps the matrices in float32, and computes with them in it, whatever the base is in.
keeps_float32 = "--adapter-dtype-of-base" not in sys.argv
model = get_peft_model(model, configuration, autocast_adapter_dtype=keeps_float32)
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
        yield dict(input_ids=ids, labels=labels, **({} if attended.all() else {"attention_mask": attended}))


prepared = list(batches())


def repetition():
    for batch in prepared:
        model(**batch, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return sum(len(row) for row in rows)


serve(repetition)
