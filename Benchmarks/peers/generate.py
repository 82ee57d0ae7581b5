"""Greedy answers by transformers: generate.py prefill|decode INPUTS MODEL BATCH, where BATCH may be `continuous`."""

import sys

import torch
from contestant import read_inputs, serve
from transformers import AutoModelForCausalLM, GenerationConfig

workload, inputs, model_path, batch = sys.argv[1:5]
prompts, _ = read_inputs(inputs)
model = AutoModelForCausalLM.from_pretrained(model_path, dtype="bfloat16").eval()
new = 1 if workload == "prefill" else 64
counted = sum(len(prompt) for prompt in prompts) if workload == "prefill" else new * len(prompts)


def in_batches():
    size = int(batch)
    for begin in range(0, len(prompts), size):
        ids = torch.tensor(prompts[begin:begin + size])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=settings)
        assert out.shape[1] == ids.shape[1] + new
    return counted


def continuously():
    outputs = model.generate_batch(prompts, generation_config=settings, continuous_batching_config=continuous)
    assert [len(output.generated_tokens) for output in outputs.values()] == [new] * len(prompts)
    return counted


if batch == "continuous":
    from transformers import ContinuousBatchingConfig

    # No id is -1, so nothing ends early.
    settings = GenerationConfig(max_new_tokens=new, do_sample=False, eos_token_id=-1, pad_token_id=0)
    # A page for each answer and some to spare: by default the cache takes nearly all memory there is.
    continuous = ContinuousBatchingConfig(num_blocks=2 * len(prompts))
else:
    settings = GenerationConfig(max_new_tokens=new, do_sample=False, pad_token_id=0)
    # What the settings leave open would be taken from the model, the end of the answer too.
    model.generation_config = settings

serve(continuously if batch == "continuous" else in_batches)
