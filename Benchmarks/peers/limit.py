"""How fast the workload could be if nothing but its matrix products took time: limit.py WORKLOAD INPUTS MODEL [DEVICE].

Measures the rate of a large bfloat16 product (float32 where the processor has no instructions for it), and answers with
the time that the workload's operations would take at it. What is counted, per token: forward and the gradient of the
input for the frozen linear layers; forward, and both gradients for LoRA; causal attention without what lies above the
diagonal; the output head only where there is a loss or a next token.
"""

import json
import pathlib
import sys
import time

import torch
from contestant import answer, is_asked, read_inputs

workload, inputs, model_path = sys.argv[1:4]
device = sys.argv[4] if len(sys.argv) > 4 else "cpu"
rows, masks = read_inputs(inputs)
model = json.loads((pathlib.Path(model_path) / "config.json").read_text())
hidden, wide, layers = model["hidden_size"], model["intermediate_size"], model["num_hidden_layers"]
keys = hidden // model["num_attention_heads"] * model["num_key_value_heads"]
shapes = [(hidden, hidden)] * 2 + [(hidden, keys)] * 2 + [(hidden, wide)] * 3
base = layers * sum(a * b for a, b in shapes)
adapter = layers * sum(16 * (a + b) for a, b in shapes)
head = hidden * model["vocab_size"]
# One of attention's products over all heads, of all pairs of positions that see each other.
def pairs(length): return layers * hidden * length * (length + 1)


def operations():
    if workload.startswith("train"):
        products = 7  # two forward, five backward
        return sum(
            len(row) * (4 * base + 6 * adapter) + 4 * head * sum(mask) + products * pairs(len(row))
            for row, mask in zip(rows, masks)
        )
    new = 1 if workload == "prefill" else 64
    lengths = [len(row) + new - 1 for row in rows]
    return sum(2 * base * length + 2 * head * new + 2 * pairs(length) for length in lengths)


has_bfloat16 = any(flag in pathlib.Path("/proc/cpuinfo").read_text() for flag in ("avx512_bf16", "amx_bf16"))
dtype = torch.bfloat16 if has_bfloat16 or device != "cpu" else torch.float32
left = torch.randn(2048 if device == "cpu" else 8192, hidden, dtype=dtype, device=device)
right = torch.randn(2 * wide, hidden, dtype=dtype, device=device)


def rate(seconds):
    products, start = 0, time.monotonic()
    while time.monotonic() - start < seconds:
        torch.nn.functional.linear(left, right)
        products += 1
        if device != "cpu":
            # A launch takes no time: without waiting, the clock would count launches.
            torch.cuda.synchronize()
    return products * 2 * left.shape[0] * right.numel() / (time.monotonic() - start)


counted = 64 * len(rows) if workload == "decode" else sum(len(row) for row in rows)
with torch.inference_mode():
    rate(0.5)
    answer({"ready": True})
    while is_asked():
        answer({"tokens": counted, "seconds": operations() / rate(1), "processor_seconds": 0, "peak_memory": 0})
