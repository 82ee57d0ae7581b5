"""Greedy answers by transformers: generate.py prefill|decode|assess INPUTS MODEL BATCH [ADAPTER].

BATCH may be `continuous`. For assess the adapter is added into the weights, answers end at the model's own end of turn,
and what counts is prompts.
"""

import sys

import torch
from contestant import read_inputs, serve
from transformers import AutoModelForCausalLM, GenerationConfig

workload, inputs, model_path, batch, *adapter = sys.argv[1:]
prompts, _ = read_inputs(inputs)
model = AutoModelForCausalLM.from_pretrained(model_path, dtype="bfloat16").eval()
if adapter:
    from peft import PeftModel

    model = PeftModel.from_pretrained(model, adapter[0]).merge_and_unload().eval()
new = 1 if workload == "prefill" else 64
counted = {"prefill": sum(map(len, prompts)), "decode": new * len(prompts), "assess": len(prompts)}[workload]
end_of_turn = model.generation_config.eos_token_id


def in_batches():
    size = int(batch)
    for begin in range(0, len(prompts), size):
        ids = torch.tensor(prompts[begin:begin + size])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=settings)
        assert out.shape[1] == ids.shape[1] + new
    return counted


def padded():
    """Prompts of different lengths, the shortest first, each batch as long as its longest one."""
    ordered, size = sorted(prompts, key=len), int(batch)
    for begin in range(0, len(ordered), size):
        chosen = ordered[begin:begin + size]
        longest = max(map(len, chosen))
        ids = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in chosen])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in chosen])
        model.generate(ids, attention_mask=mask, generation_config=settings)
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
    end = end_of_turn if workload == "assess" else None
    settings = GenerationConfig(max_new_tokens=new, do_sample=False, pad_token_id=0, eos_token_id=end)
    # What the settings leave open would be taken from the model, the end of the answer too.
    model.generation_config = settings

serve(continuously if batch == "continuous" else padded if workload == "assess" else in_batches)
