"""Writes the goldens of the white-box attacks: losses and gradients of a suffix, by transformers and autograd.

How to run it (an environment with torch, transformers, safetensors and numpy; the versions are in manifest.json):

    python generate.py

The model is ../model/tiny-llama, two layers with random weights, in f32 on one CPU thread.

    gradient.json         ids of the prompt's parts; the loss; losses of other suffixes, each computed alone; for each position
                          the eight tokens whose one-hot gradient is lowest; the loss with vectors in the suffix's place
    gradient.safetensors  one_hot: d loss / d (one-hot matrix of the suffix), made by a product of that matrix with the
                          embedding; vectors and by_vectors: random vectors in the suffix's place and d loss / d vectors
    manifest.json         sha256 and size of every file, and the versions

The loss is the mean over the target's tokens of the negative log-likelihood, in nats.
"""

import os
import sys
from pathlib import Path

os.environ.update({"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"})

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from reference import make_manifest, number, rng, write_json


def draw(count, seed):
    return torch.randint(3, 384, (count,), generator=rng(seed)).tolist()


def main():
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(HERE.parent / "model/tiny-llama", dtype=torch.float32,
                                                 attn_implementation="eager").eval()
    model.requires_grad_(False)
    table = model.get_input_embeddings().weight
    prefix, suffix, closing, target = draw(11, 1), draw(6, 2), draw(3, 3), draw(5, 4)

    def loss_of(vectors):
        around = [table[torch.tensor(prefix)], vectors, table[torch.tensor(closing + target)]]
        logits = model(inputs_embeds=torch.cat(around).unsqueeze(0)).logits[0]
        rows = logits[-len(target) - 1:-1]
        return torch.nn.functional.cross_entropy(rows, torch.tensor(target))

    one_hot = torch.nn.functional.one_hot(torch.tensor(suffix), table.shape[0]).float().requires_grad_()
    loss = loss_of(one_hot @ table)
    loss.backward()
    # The same loss from ids, so that the two ways of the model agree.
    logits = model(input_ids=torch.tensor([prefix + suffix + closing + target])).logits[0]
    again = torch.nn.functional.cross_entropy(logits[-len(target) - 1:-1], torch.tensor(target))
    assert abs(loss.item() - again.item()) < 1e-6
    others = []
    for position in range(len(suffix)):
        for token in (17, 240):
            others.append(suffix[:position] + [token] + suffix[position + 1:])
    losses = [loss_of(table[torch.tensor(other)]).item() for other in others]

    vectors = (0.2 * torch.randn(len(suffix), table.shape[1], generator=rng(5))).requires_grad_()
    soft = loss_of(vectors)
    soft.backward()
    write_json(HERE / "gradient.json", {
        "prefix": prefix, "suffix": suffix, "closing": closing, "target": target, "loss": number(loss),
        "others": others, "losses": [number(value) for value in losses],
        "lowest": torch.topk(-one_hot.grad, 8, dim=1).indices.tolist(), "soft_loss": number(soft)})
    save_file({"one_hot": one_hot.grad, "vectors": vectors.detach().clone(), "by_vectors": vectors.grad},
              HERE / "gradient.safetensors")
    make_manifest(str(HERE), ["torch", "transformers", "safetensors", "numpy"])


main()
