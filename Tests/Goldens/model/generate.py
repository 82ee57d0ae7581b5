"""Writes the numeric goldens of the model and LoRA tests: what transformers, PEFT and gguf say about tiny random models.

How to run it (an environment with torch, transformers, peft, gguf, tokenizers, safetensors and numpy; the versions
these files were made with are in manifest.json):

    python generate.py                      everything but smollm2.json (a few seconds)
    python generate.py --smollm2 FILE.gguf  smollm2.json too, from SmolLM2-135M-Instruct in Q4_1 (a few minutes)
    python generate.py --out DIR            somewhere else than beside this script

Everything is f32 on one CPU thread with fixed seeds, attention "eager", every sequence alone and unpadded unless said
otherwise. The same versions give the same bytes. All weights, sequences and texts are random or written here.

    tiny-llama/               two layers, grouped-query attention, tied head, sharded safetensors with an index
    tiny-llama-untied/        one layer, head_dim other than hidden/heads, attention biases, RoPE scaling "llama3", own
                              head, one file; its config.json uses the older spelling (rope_theta, rope_scaling,
                              torch_dtype), the other's the newer (rope_parameters, dtype)
    logits.{json,safetensors} token ids and full logits of both models
    lora/                     a PEFT adapter for tiny-llama on all seven linear modules, B not zero
    lora_logits.safetensors   tiny-llama's sequences with the adapter on, and after merge_and_unload
    sft.{json,safetensors}    loss, gradient of every LoRA matrix, ten steps of AdamW and the matrices after them
    full.{json,safetensors}   the same of every weight of both models, trained without an adapter
    dpo.{json,safetensors}    loss of preference pairs, their rewards, gradient of every LoRA matrix
    generation.json           greedy continuations; temperature, top-k and top-p applied to one logits vector
    tiny-llama.gguf           tiny-llama in F16 with llama.cpp's row order of q and k, and a small byte-level vocabulary
    gguf.{json,safetensors}   its token ids, one rendered chat, and logits with the F16-rounded weights
    nf4.safetensors           two weights, and what is left of them in 4-bit NormalFloat
    losses_extra.json         cross-entropy with ignored rows, and KL both ways, with gradients
    smollm2.json              the real model: ids, last-position logits, greedy text, loss of a paragraph
    manifest.json             sha256 and size of every file, and the versions
"""

import argparse
import json
import math
import os
import shutil
import sys
from pathlib import Path

os.environ.update({"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"})

import gguf
import numpy as np
import peft
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GenerationConfig, LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from reference import gap, hash_of, logits_of, make_manifest, number, rng, write_json

HERE = os.path.dirname(os.path.abspath(__file__))
LENGTHS = (5, 11, 23, 40)


# Helpers


def numbers(values):
    """Nine significant digits: enough to give back the same f32."""
    flat = values.tolist() if isinstance(values, torch.Tensor) else values
    return [numbers(v) if isinstance(v, list) else float(f"{v:.9g}") for v in flat]


def rewrite_json(path, change):
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    content = change(content) or content
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True)
        file.write("\n")


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def load(path, attention="eager"):
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation=attention)
    return model.eval()


def random_ids(vocabulary, lengths, seed):
    g = rng(seed)
    return [torch.randint(0, vocabulary, (n,), generator=g).tolist() for n in lengths]


def randomise(model, seed, std):
    """Matrices from N(0, std), norm weights around 1, biases from N(0, 0.3), in the order of sorted names."""
    g = rng(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=g)
            if "norm" in name:
                p.copy_(1 + 0.2 * noise)
            else:
                p.copy_((0.3 if name.endswith(".bias") else std) * noise)
    return model.eval()


# 1. The two models


def make_tied(out):
    config = LlamaConfig(
        vocab_size=384, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-5, max_position_embeddings=512, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, bos_token_id=1, eos_token_id=2,
        pad_token_id=2, initializer_range=0.2)
    model = randomise(LlamaForCausalLM(config), seed=11, std=0.2)
    model.save_pretrained(fresh(f"{out}/tiny-llama"), max_shard_size="150KB")
    model.generation_config.save_pretrained(f"{out}/tiny-llama")
    assert os.path.isfile(f"{out}/tiny-llama/model.safetensors.index.json")


def make_untied(out):
    scaling = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 32}
    config = LlamaConfig(
        vocab_size=200, hidden_size=48, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4,
        num_key_value_heads=2, head_dim=24, rms_norm_eps=1e-6, max_position_embeddings=256, tie_word_embeddings=False,
        rope_parameters={**scaling, "rope_theta": 5000.0}, attention_bias=True, bos_token_id=1, eos_token_id=2,
        initializer_range=0.2)
    model = randomise(LlamaForCausalLM(config), seed=12, std=0.2)
    path = fresh(f"{out}/tiny-llama-untied")
    model.save_pretrained(path)

    def older_spelling(content):
        content.pop("rope_parameters")
        content.pop("dtype", None)
        content.update(rope_theta=5000.0, rope_scaling=scaling, torch_dtype="float32")

    model = load(path)
    rewrite_json(f"{path}/config.json", older_spelling)
    ids = random_ids(200, [40], 1)[0]
    again = load(path)
    assert torch.equal(logits_of(model, ids), logits_of(again, ids)), "the older spelling must read back as the same"
    again.config.rope_parameters = {"rope_type": "default", "rope_theta": 5000.0}
    again.model.rotary_emb = type(again.model.rotary_emb)(again.config)
    assert gap(logits_of(model, ids), logits_of(again, ids)) > 0.01, "RoPE scaling must matter"


# 2. Logits


def make_logits(out):
    tensors, content = {}, {"schema": 1, "note": (
        "Full logits of each sequence run alone. Tensor '<model>.<index>' in logits.safetensors is "
        "[length, vocabulary] f32 for sequences['<model>'][index]. noise: largest difference between attention 'eager' "
        "and 'sdpa', a lower bound for any tolerance.")}
    sequences, noise, magnitude = {}, {}, {}
    for name, vocabulary, seed in (("tiny-llama", 384, 21), ("tiny-llama-untied", 200, 22)):
        eager, sdpa = load(f"{out}/{name}"), load(f"{out}/{name}", "sdpa")
        sequences[name] = random_ids(vocabulary, LENGTHS, seed)
        noise[name], magnitude[name] = 0.0, 0.0
        for i, ids in enumerate(sequences[name]):
            tensors[f"{name}.{i}"] = logits_of(eager, ids)
            noise[name] = max(noise[name], gap(tensors[f"{name}.{i}"], logits_of(sdpa, ids)))
            magnitude[name] = max(magnitude[name], number(tensors[f"{name}.{i}"].abs().max()))
    save_file(tensors, f"{out}/logits.safetensors")
    content.update(sequences=sequences, noise=noise, largest_logit=magnitude)
    write_json(f"{out}/logits.json", content)
    return sequences["tiny-llama"]


# 3. The adapter


def with_adapter(out, attention="eager"):
    model = peft.PeftModel.from_pretrained(load(f"{out}/tiny-llama", attention), f"{out}/lora", is_trainable=True)
    return model


def trained_parameters(model):
    """The trained weights by their name in the files, sorted."""
    return {n.replace(".default", ""): p for n, p in sorted(model.named_parameters()) if p.requires_grad}


def make_lora(out, sequences):
    config = peft.LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    model = peft.get_peft_model(load(f"{out}/tiny-llama"), config)
    g = rng(31)
    with torch.no_grad():
        for name, p in trained_parameters(model).items():
            p.copy_((0.15 if "lora_A" in name else 0.10) * torch.randn(p.shape, generator=g))
    model.save_pretrained(fresh(f"{out}/lora"), save_embedding_layers=False)
    if os.path.exists(f"{out}/lora/README.md"):
        os.remove(f"{out}/lora/README.md")

    def settle(content):
        content["base_model_name_or_path"] = "tiny-llama"
        content["target_modules"] = sorted(content["target_modules"])

    rewrite_json(f"{out}/lora/adapter_config.json", settle)

    base, tensors = load(f"{out}/tiny-llama"), {}
    model = with_adapter(out).eval()
    for i, ids in enumerate(sequences):
        tensors[f"adapter.{i}"] = logits_of(model, ids)
        assert gap(tensors[f"adapter.{i}"], logits_of(base, ids)) > 0.1, "the adapter must matter"
    merged = model.merge_and_unload()
    for i, ids in enumerate(sequences):
        tensors[f"merged.{i}"] = logits_of(merged, ids)
        assert gap(tensors[f"adapter.{i}"], tensors[f"merged.{i}"]) < 1e-3
    save_file(tensors, f"{out}/lora_logits.safetensors")


# 4. Supervised fine-tuning


def summed_loss(model, batch, pad=2):
    """Sum over unmasked tokens of a right-padded batch: the logits at t are scored against the label at t + 1."""
    longest = max(len(s["ids"]) for s in batch)
    ids = torch.tensor([s["ids"] + [pad] * (longest - len(s["ids"])) for s in batch])
    labels = torch.tensor([s["labels"] + [-100] * (longest - len(s["labels"])) for s in batch])
    mask = torch.tensor([[1] * len(s["ids"]) + [0] * (longest - len(s["ids"])) for s in batch])
    logits = model(input_ids=ids, attention_mask=mask).logits
    return torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100, reduction="sum")


def unmasked(batch):
    return sum(label != -100 for s in batch for label in s["labels"][1:])


def batch_gradients(model, groups):
    """Mean loss and gradients of all sequences, run in the groups given."""
    total = sum(unmasked(group) for group in groups)
    model.zero_grad()
    loss = 0.0
    for group in groups:
        part = summed_loss(model, group) / total
        part.backward()
        loss += part.item()
    return loss, {n: p.grad.clone() for n, p in trained_parameters(model).items()}


def train(model, sequences, alone):
    """Ten steps; with `alone`, each sequence is its own unpadded micro-batch, else two micro-batches of two."""
    parameters = trained_parameters(model)
    optimiser = torch.optim.AdamW(parameters.values(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01,
                                  foreach=False)
    schedule = transformers.get_cosine_schedule_with_warmup(optimiser, num_warmup_steps=3, num_training_steps=10)
    model.train()
    steps = []
    for i in range(10):
        indices = [(4 * i + j) % 12 for j in range(4)]
        micro = [[k] for k in indices] if alone else [indices[:2], indices[2:]]
        total = unmasked([sequences[k] for k in indices])
        optimiser.zero_grad()
        sums = []
        for group in micro:
            loss = summed_loss(model, [sequences[k] for k in group])
            (loss / total).backward()
            sums.append(loss.item())
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        rate = optimiser.param_groups[0]["lr"]
        scale = i / 3 if i < 3 else 0.5 * (1 + math.cos(math.pi * (i - 3) / 7))
        assert abs(rate - 1e-3 * scale) < 1e-15, "the schedule must be what sft.json says"
        optimiser.step()
        schedule.step()
        steps.append({"step": i, "micro_batches": micro, "unmasked_tokens": total, "micro_batch_loss_sums": numbers(sums),
                      "loss": number(sum(sums) / total), "grad_norm": number(norm), "lr": rate})
    return steps, {n: p.detach().clone() for n, p in parameters.items()}


def make_sft(out):
    g = rng(41)
    sequences = []
    for k in range(12):
        length = 10 + (7 * k) % 13
        prompt = 3 + (5 * k) % 6
        ids = torch.randint(3, 384, (length,), generator=g).tolist()
        labels = [-100] * prompt + ids[prompt:]
        if k in (2, 7):  # two turns: a second masked stretch in the middle of the answer
            labels[prompt + 2] = labels[prompt + 3] = -100
        sequences.append({"ids": ids, "labels": labels})

    batch = [sequences[k] for k in (0, 2, 5, 9)]
    loss, gradients = batch_gradients(with_adapter(out), [batch])
    loss_alone, alone = batch_gradients(with_adapter(out, "sdpa"), [[s] for s in batch])
    assert all(x.abs().max() > 0 for x in gradients.values())
    model = with_adapter(out).eval()
    with torch.no_grad():
        sums = [summed_loss(model, [s]).item() for s in batch]

    steps, final = train(with_adapter(out), sequences, alone=False)
    steps_alone, final_alone = train(with_adapter(out, "sdpa"), sequences, alone=True)
    tensors = {f"grad.{n}": x for n, x in gradients.items()} | {f"final.{n}": x for n, x in final.items()}
    save_file(tensors, f"{out}/sft.safetensors")
    write_json(f"{out}/sft.json", {
        "schema": 1,
        "note": "Model tiny-llama with the adapter lora/ (the start of both parts; the second does not go on from the "
                "first). labels have the length of ids and equal them where a token is learnt, else -100; shift by one: "
                "the logits at position t are scored against labels[t + 1], and labels[0] is never used.",
        "pad_id": 2,
        "sequences": sequences,
        "batch": {
            "note": "One right-padded batch. loss = sum of cross-entropies / unmasked_tokens. Tensor 'grad.<name>' in "
                    "sft.safetensors is d loss / d matrix, unclipped; <name> as in adapter_model.safetensors. noise: "
                    "largest difference to running each sequence alone with attention 'sdpa'.",
            "indices": [0, 2, 5, 9], "loss": number(loss), "unmasked_tokens": unmasked(batch),
            "loss_sums": numbers(sums), "unmasked_per_sequence": [unmasked([s]) for s in batch],
            "grad_norm": number(math.sqrt(sum(x.double().pow(2).sum().item() for x in gradients.values()))),
            "noise": {"loss": number(abs(loss - loss_alone)),
                      "grad": max(gap(gradients[n], alone[n]) for n in gradients)}},
        "curve": {
            "note": "Step i = 0..9 uses sequences (4i, 4i+1) mod 12 as its first micro-batch and (4i+2, 4i+3) mod 12 "
                    "as its second. Each micro-batch: (sum of cross-entropies / unmasked_tokens of the whole step) is "
                    "sent backward, gradients add up; then clipping of the global norm to 1.0 (factor "
                    "min(1, 1 / (norm + 1e-6))); then AdamW with the lr given here for that step; then the schedule "
                    "advances. loss is the mean before the update, grad_norm the norm before clipping. lr of step i = "
                    "1e-3 * (i / 3 if i < 3, else 0.5 * (1 + cos(pi * (i - 3) / 7))): step 0 has lr 0 (the moments "
                    "move, the matrices do not) and lr 0 at i = 10 is never used. Weight decay is decoupled and acts "
                    "on every LoRA matrix. Tensor 'final.<name>' is the matrix after step 9. noise: largest difference "
                    "to the same run with each sequence alone, unpadded, with attention 'sdpa'.",
            "optimizer": {"name": "AdamW", "lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
            "schedule": {"name": "cosine", "warmup_steps": 3, "total_steps": 10}, "max_grad_norm": 1.0,
            "steps": steps,
            "noise": {"loss": max(number(abs(a["loss"] - b["loss"])) for a, b in zip(steps, steps_alone)),
                      "grad_norm": max(number(abs(a["grad_norm"] - b["grad_norm"])) for a, b in zip(steps, steps_alone)),
                      "final": max(gap(final[n], final_alone[n]) for n in final)}}})


def make_full(out):
    with open(f"{out}/sft.json", encoding="utf-8") as file:
        tied = json.load(file)["sequences"]
    g = rng(47)
    untied = []
    for k in range(4):
        ids = torch.randint(3, 200, (9 + 4 * k,), generator=g).tolist()
        untied.append({"ids": ids, "labels": [-100] * (2 + k) + ids[2 + k:]})
    tensors, content = {}, {"schema": 1, "note": (
        "Training without an adapter: every weight is trained, the tied one once. gradients: one batch of four sequences as "
        "in sft.json, tensor 'grad.<model>.<name>' is d loss / d weight, unclipped; tiny-llama's are sequences 0, 2, 5 and 9 "
        "of sft.json. curve: the ten steps of sft.json with tiny-llama, tensor 'final.<name>' is the weight after the last. "
        "noise: largest difference to running each sequence alone with attention 'sdpa'.")}
    content["gradients"] = {}
    for name, batch in (("tiny-llama", [tied[k] for k in (0, 2, 5, 9)]), ("tiny-llama-untied", untied)):
        loss, gradients = batch_gradients(load(f"{out}/{name}"), [batch])
        _, alone = batch_gradients(load(f"{out}/{name}", "sdpa"), [[s] for s in batch])
        # What a query adds to all of its products is nothing to a softmax, so the bias of the keys has no gradient.
        assert all(x.abs().max() > 0 for n, x in gradients.items() if not n.endswith("k_proj.bias"))
        tensors |= {f"grad.{name}.{n}": x for n, x in gradients.items()}
        content["gradients"][name] = {"sequences": batch, "loss": number(loss),
                                      "noise": max(gap(gradients[n], alone[n]) for n in gradients)}
    steps, final = train(load(f"{out}/tiny-llama"), tied, alone=False)
    _, final_alone = train(load(f"{out}/tiny-llama", "sdpa"), tied, alone=True)
    tensors |= {f"final.{n}": x for n, x in final.items()}
    content["curve"] = {"steps": steps, "noise": max(gap(final[n], final_alone[n]) for n in final)}
    save_file(tensors, f"{out}/full.safetensors")
    write_json(f"{out}/full.json", content)


# 5. Preferences


def answer_log_probability(model, prompt, answer):
    """Sum of the log-probabilities of the answer's tokens after the prompt."""
    logs = torch.log_softmax(model(input_ids=torch.tensor([prompt + answer])).logits[0], -1)
    return sum(logs[len(prompt) - 1 + i, token] for i, token in enumerate(answer))


def make_dpo(out):
    g, beta = rng(45), 0.3
    pairs = [{"prompt": torch.randint(3, 384, (a,), generator=g).tolist(),
              "chosen": torch.randint(3, 384, (b,), generator=g).tolist(),
              "rejected": torch.randint(3, 384, (c,), generator=g).tolist()}
             for a, b, c in ((5, 7, 3), (12, 4, 9), (9, 11, 11), (3, 1, 6))]

    def margin(model, pair):
        chosen, rejected = (answer_log_probability(model, pair["prompt"], pair[x]) for x in ("chosen", "rejected"))
        return chosen - rejected

    with torch.no_grad():
        base = load(f"{out}/tiny-llama")
        reference = torch.stack([margin(base, pair) for pair in pairs])
    model = with_adapter(out)
    rewards = beta * (torch.stack([margin(model, pair) for pair in pairs]) - reference)
    assert 0 < (rewards > 0).sum() < len(pairs), "choose other pairs: the model must prefer some and not all"
    loss = -torch.nn.functional.logsigmoid(rewards).mean()
    loss.backward()
    save_file({f"grad.{n}": p.grad for n, p in trained_parameters(model).items()}, f"{out}/dpo.safetensors")
    write_json(f"{out}/dpo.json", {
        "schema": 1,
        "note": "Model tiny-llama with the adapter lora/, the reference without it. reference: log-probability of the "
                "chosen answer minus that of the rejected one, summed over tokens. rewards: beta * (the same with the "
                "adapter - reference). loss: mean of -log sigmoid(rewards). Tensor 'grad.<name>' in dpo.safetensors is "
                "d loss / d matrix.",
        "beta": beta, "pairs": pairs, "reference": numbers(reference), "rewards": numbers(rewards.detach()),
        "loss": number(loss)})


# 6. Generation


def greedy(model, ids, count, eos=None):
    """The new ids (with the end id, if it came) and the smallest lead of a chosen id over the second."""
    model.generation_config = GenerationConfig()
    model.generation_config.eos_token_id = eos
    model.generation_config.pad_token_id = 2
    made = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
        max_new_tokens=count, output_logits=True, return_dict_in_generate=True)
    tops = torch.stack(list(made.logits))[:, 0].topk(2).values
    new = made.sequences[0, len(ids):].tolist()
    running = list(ids)
    for token in new:  # without a cache, from the start each time
        assert logits_of(model, running)[-1].argmax().item() == token
        running.append(token)
    return new, number((tops[:, 0] - tops[:, 1]).min())


def filtered(logits, temperature, top_k, top_p):
    """HF's order of warpers: temperature, then top-k, then top-p."""
    from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
    scores = logits[None].clone()
    if temperature != 1.0:
        scores = TemperatureLogitsWarper(temperature)(None, scores)
    if top_k > 0:
        scores = TopKLogitsWarper(top_k)(None, scores)
    if top_p < 1.0:
        scores = TopPLogitsWarper(top_p)(None, scores)
    p = torch.softmax(scores[0], -1)
    ids = p.nonzero().flatten()
    ids = ids[p[ids].argsort(descending=True, stable=True)]
    return {"temperature": temperature, "top_k": top_k, "top_p": top_p, "ids": ids.tolist(),
            "probabilities": numbers(p[ids])}


def make_generation(out):
    model = load(f"{out}/tiny-llama")
    prompts = random_ids(384, (1, 4, 9, 17, 33), 51)
    free = [greedy(model, ids, 24) for ids in prompts]
    assert min(lead for _, lead in free) > 1e-3, "choose other prompts: a greedy step is nearly a tie"
    counts = {}
    for new, _ in free:
        for token in set(new):
            if 0 < new.index(token) < 23:
                counts[token] = counts.get(token, 0) + 1
    eos = max(sorted(counts), key=lambda token: counts[token])
    stopped = [greedy(model, ids, 24, eos)[0] for ids in prompts]
    assert any(len(new) < 24 for new in stopped)
    vector = logits_of(model, prompts[2])[-1]
    write_json(f"{out}/generation.json", {
        "schema": 1,
        "note": "Model tiny-llama, greedy, 24 new tokens at most, prompt by prompt. without_eos: no end id. with_eos: "
                "the end id is eos_id; the id that ended a continuation is its last. lead: smallest logit difference "
                "between a chosen id and the second.",
        "prompts": prompts, "max_new_tokens": 24, "without_eos": [new for new, _ in free],
        "lead": [lead for _, lead in free], "eos_id": eos, "with_eos": stopped,
        "filter_note": "Temperature, then top-k, then top-p (the smallest set whose probabilities reach top_p, at least "
                       "one), then softmax. ids: all with probability above 0, most likely first. top_k 0 and top_p 1 "
                       "mean off.",
        "filter_logits": numbers(vector),
        "filtered": [filtered(vector, *s) for s in
                     ((0.7, 20, 0.8), (1.0, 0, 0.5), (1.3, 5, 1.0), (2.0, 50, 0.9), (0.7, 0, 0.01))]})


# 7. GGUF


TEXT = """Temper keeps a model safe while it learns a new trade. The model reads the question, weighs the answer and
says what it knows. When the answer would do harm, the model says so and offers a safer way. The test reads the model
before and after the training, with the same questions in the same order, and counts the answers that changed."""
TEMPLATE = (
    "{%- for message in messages -%}\n"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}\n"
    "{{- '<|im_start|>assistant\\n' -}}\n"
    "{%- endif -%}")


def byte_alphabet():
    """GPT-2's printable stand-in for each byte value."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in kept]
    table = {b: chr(b) for b in kept} | {b: chr(256 + i) for i, b in enumerate(others)}
    return [table[b] for b in range(256)]


def learn_merges(text, count):
    """Plain byte-pair merging over the words of the text; ties go to the pair that sorts first."""
    alphabet = byte_alphabet()
    flat = " ".join(text.split()).replace(",", " ,").replace(".", " .")
    words = [[alphabet[b] for b in (w if i == 0 else " " + w).encode()] for i, w in enumerate(flat.split(" "))]
    merges = []
    while len(merges) < count:
        seen = {}
        for word in words:
            for pair in zip(word, word[1:]):
                seen[pair] = seen.get(pair, 0) + 1
        best = min(seen, key=lambda pair: (-seen[pair], pair))
        merges.append(best)
        for word in words:
            i = 0
            while i < len(word) - 1:
                if (word[i], word[i + 1]) == best:
                    word[i:i + 2] = [word[i] + word[i + 1]]
                i += 1
    return merges


def bpe(tokens, merges, specials):
    """A byte-level BPE with the pre-tokeniser that GGUF calls 'smollm': each digit alone, then GPT-2's pattern."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Digits(individual_digits=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(specials)
    return made


def render(template, messages):
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(messages=messages, add_generation_prompt=True)


def permute(rows, heads):
    """llama.cpp's row order of q and k: within a head, the halves that RoPE pairs become neighbours."""
    size = rows.shape[0] // heads
    return rows.reshape(heads, 2, size // 2, -1).transpose(0, 2, 1, 3).reshape(rows.shape)


def make_gguf(out, sequences):
    model = load(f"{out}/tiny-llama")
    config = model.config
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    merges = learn_merges(TEXT, 384 - 256 - len(specials))
    tokens = specials + byte_alphabet() + ["".join(pair) for pair in merges]
    assert len(tokens) == len(set(tokens)) == 384
    writer = gguf.GGUFWriter(f"{out}/tiny-llama.gguf", "llama")
    writer.add_type("model")
    writer.add_name("Tiny Llama (random weights)")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * len(specials) + [gguf.TokenType.NORMAL] * (384 - len(specials)))
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
             "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
             "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    places = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    for layer in range(config.num_hidden_layers):
        for hf, short in names.items():
            places[f"model.layers.{layer}.{hf}.weight"] = f"blk.{layer}.{short}.weight"
    state = model.state_dict()
    assert set(state) - set(places) == {"lm_head.weight"}
    for hf, place in places.items():
        values = state[hf].numpy()
        if "attn_q." in place:
            values = permute(values, config.num_attention_heads)
        elif "attn_k." in place:
            values = permute(values, config.num_key_value_heads)
        writer.add_tensor(place, values.astype(np.float16) if values.ndim == 2 else values.copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 2:
                p.copy_(p.half().float())
    read = AutoModelForCausalLM.from_pretrained(
        out, gguf_file="tiny-llama.gguf", dtype=torch.float32, attn_implementation="eager").eval()
    assert read.config.rope_parameters["rope_theta"] == 10000.0 and read.config.tie_word_embeddings
    for name, values in read.state_dict().items():
        assert torch.equal(values, model.state_dict()[name]), f"{name} must come back from the GGUF unchanged"
    tensors = {f"gguf.{i}": logits_of(model, ids) for i, ids in enumerate(sequences)}
    for i, ids in enumerate(sequences):
        assert gap(tensors[f"gguf.{i}"], logits_of(read, ids)) < 1e-4
    save_file(tensors, f"{out}/gguf.safetensors")

    tokenizer = bpe(tokens, merges, specials)
    texts = ["Temper keeps a model safe.", "  two spaces, 2026 and 3.14", "naïve café – 模型 🙂", "it's\n\nnew\tline ",
             "<|im_start|>user\nHello<|im_end|>\n", "", "the answer, the question; the model's answers"]
    for text in texts:
        ids = tokenizer.encode(text).ids
        assert tokenizer.decode(ids, skip_special_tokens=False) == text
    chat = [{"role": "system", "content": "Answer in one word."}, {"role": "user", "content": "Is 7 a prime?"}]
    rendered = render(TEMPLATE, chat)
    write_json(f"{out}/gguf.json", {
        "schema": 1,
        "note": "tiny-llama.gguf: matrices and embedding F16, norms F32, q and k rows in llama.cpp's order, head tied. "
                "Tensor 'gguf.<index>' in gguf.safetensors is [length, 384] f32 for sequences[index], from f32 "
                "arithmetic on the F16-rounded weights. tokenized: ids by the file's vocabulary, merges and "
                "pre-tokeniser, special tokens recognised, none added.",
        "sequences": sequences, "tokenized": [{"text": t, "ids": tokenizer.encode(t).ids} for t in texts],
        "chat": {"messages": chat, "add_generation_prompt": True, "text": rendered,
                 "ids": tokenizer.encode(rendered).ids}})


# 8. The real model


PARAGRAPH = """A lighthouse keeper kept two books. In the first she wrote the weather, the ships and the hours when the
lamp was lit. In the second she wrote what she had expected to see, the evening before. At the end of each month she
laid the books side by side and marked where they differed. After 12 years she could tell a storm from the colour of
the water, and the sailors said that nobody on that coast was better at being wrong in time."""
CHATS = [
    [{"role": "user", "content": "What is the capital of France?"}],
    [{"role": "user", "content": "Write one sentence about the sea."}],
    [{"role": "system", "content": "You are a careful teacher. Answer briefly."},
     {"role": "user", "content": "Why does ice float on water?"}],
    [{"role": "user", "content": "Name a fruit."}, {"role": "assistant", "content": "Apple."},
     {"role": "user", "content": "Name 3 more, and count them: 1, 2, 3."}]]


def make_smollm2(out, path):
    reader = gguf.GGUFReader(path)
    value = {k: f.contents() for k, f in reader.fields.items()}
    tokens, template = value["tokenizer.ggml.tokens"], value["tokenizer.chat_template"]
    merges = [tuple(m.split(" ")) for m in value["tokenizer.ggml.merges"]]
    specials = [t for t, kind in zip(tokens, value["tokenizer.ggml.token_type"]) if kind == gguf.TokenType.CONTROL]
    assert value["tokenizer.ggml.pre"] == "smollm"
    tokenizer = bpe(tokens, merges, specials)
    model = AutoModelForCausalLM.from_pretrained(
        os.path.dirname(path) or ".", gguf_file=os.path.basename(path), dtype=torch.float32,
        attn_implementation="eager").eval()

    # What transformers read, against the file itself.
    config = model.config
    assert config.rope_parameters["rope_theta"] == value["llama.rope.freq_base"] and config.tie_word_embeddings
    stored = {t.name: t for t in reader.tensors}
    assert "output.weight" not in stored
    state = model.state_dict()
    for place, hf, heads in (("attn_q", "self_attn.q_proj", 9), ("attn_k", "self_attn.k_proj", 3),
                             ("attn_v", "self_attn.v_proj", None), ("ffn_down", "mlp.down_proj", None)):
        for layer in (0, 29):
            t = stored[f"blk.{layer}.{place}.weight"]
            rows = gguf.quants.dequantize(t.data, t.tensor_type)
            loaded = state[f"model.layers.{layer}.{hf}.weight"].numpy()
            assert np.array_equal(permute(loaded, heads) if heads else loaded, rows), f"{place} {layer}"

    places = torch.randperm(config.vocab_size, generator=rng(71))[:64].sort().values
    prompts = []
    for chat in CHATS:
        text = render(template, chat)
        ids = tokenizer.encode(text).ids
        last = logits_of(model, ids)[-1]
        top = last.topk(10)
        new, lead = greedy(model, ids, 16, eos=value["tokenizer.ggml.eos_token_id"])
        prompts.append({
            "messages": chat, "text": text, "ids": ids, "logits": numbers(last[places]), "top_ids": top.indices.tolist(),
            "top_logits": numbers(top.values), "greedy_ids": new, "greedy_lead": lead,
            "greedy_text": tokenizer.decode(new, skip_special_tokens=True)})
        print(repr(prompts[-1]["greedy_text"]), lead)
    paragraph = " ".join(PARAGRAPH.split())
    ids = tokenizer.encode(paragraph).ids
    loss = torch.nn.functional.cross_entropy(logits_of(model, ids)[:-1], torch.tensor(ids[1:]))
    print("paragraph loss", loss.item())
    sdpa = AutoModelForCausalLM.from_pretrained(
        os.path.dirname(path) or ".", gguf_file=os.path.basename(path), dtype=torch.float32,
        attn_implementation="sdpa").eval()
    noise = max((logits_of(sdpa, p["ids"])[-1][places] - torch.tensor(p["logits"])).abs().max() for p in prompts)
    write_json(f"{out}/smollm2.json", {
        "schema": 1,
        "note": "The model of the GGUF file named here, its weights dequantised to f32, with its own chat template and "
                "generation prompt. logits: last position of ids, at vocabulary indices logit_indices. greedy_ids: at "
                "most 16 new tokens, ending with eos_id if it came; greedy_lead: smallest logit difference between a "
                "chosen id and the second. noise: largest difference of these logits between attention 'eager' and "
                "'sdpa'. paragraph.loss: mean cross-entropy of ids[1:] given all before, nothing added in front.",
        "file": os.path.basename(path), "sha256": hash_of(path), "eos_id": value["tokenizer.ggml.eos_token_id"],
        "logit_indices": places.tolist(), "noise": number(noise), "prompts": prompts,
        "paragraph": {"text": paragraph, "ids": ids, "loss": number(loss)}})


# 9. Losses


def make_losses(out):
    import torch.nn.functional as F
    g = rng(81)
    base, tuned = (2.0 * torch.randn(5, 32, generator=g) for _ in range(2))
    labels = torch.tensor([7, -100, 0, 31, -100])
    entries = {}

    def add(name, formula, loss):
        x = tuned.clone().requires_grad_()
        result = loss(x)
        result.backward()
        entries[name] = {"formula": formula, "value": number(result), "gradient_of_tuned": numbers(x.grad)}

    log_base = F.log_softmax(base, -1)
    keep = labels != -100
    forward = lambda x: (log_base.exp() * (log_base - F.log_softmax(x, -1))).sum(-1)
    reverse = lambda x: (F.log_softmax(x, -1).exp() * (F.log_softmax(x, -1) - log_base)).sum(-1)
    add("cross_entropy", "mean over rows with label != -100 of -log softmax(tuned)[label]",
        lambda x: F.cross_entropy(x, labels, ignore_index=-100))
    add("cross_entropy_sum", "sum over rows with label != -100 of -log softmax(tuned)[label]",
        lambda x: F.cross_entropy(x, labels, ignore_index=-100, reduction="sum"))
    add("kl_forward", "KL(base || tuned): mean over all rows of sum_v p_base (log p_base - log p_tuned)",
        lambda x: forward(x).mean())
    add("kl_reverse", "KL(tuned || base): mean over all rows of sum_v p_tuned (log p_tuned - log p_base)",
        lambda x: reverse(x).mean())
    add("kl_forward_masked", "kl_forward over the rows with label != -100 only", lambda x: forward(x)[keep].mean())
    add("kl_reverse_masked", "kl_reverse over the rows with label != -100 only", lambda x: reverse(x)[keep].mean())
    check = F.kl_div(F.log_softmax(tuned, -1), log_base, log_target=True, reduction="batchmean")
    assert abs(check.item() - entries["kl_forward"]["value"]) < 1e-6
    write_json(f"{out}/losses_extra.json", {
        "schema": 1, "note": "Natural logarithms. Rows are already aligned with labels: no shift here. The base is "
                             "constant; gradient_of_tuned is d value / d tuned, 5 x 32.",
        "base": numbers(base), "tuned": numbers(tuned), "labels": labels.tolist(), **entries})


# 10. 4-bit NormalFloat


def make_nf4(out):
    """Quantile levels and blocks as in QLoRA (arXiv 2305.14314) and bitsandbytes: the nearest level, element by element."""
    levels = torch.tensor([
        -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
        -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
        0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0])
    g, tensors = rng(91), {}
    # Rows of whole blocks; rows that share blocks, the last one short; a block of zeros.
    for name, shape in (("even", (6, 128)), ("odd", (7, 38))):
        weight = torch.randn(shape, generator=g) * torch.rand((shape[0], 1), generator=g)
        if name == "even":
            weight[3, :64] = 0
        left = []
        for block in weight.flatten().split(64):
            largest = block.abs().max()
            scaled = block * (1 / largest) if largest > 0 else block
            left.append(levels[(scaled[:, None] - levels).abs().argmin(1)] * largest)
        tensors[f"{name}.weight"], tensors[f"{name}.nf4"] = weight, torch.cat(left).view(shape)
        assert gap(weight, tensors[f"{name}.nf4"]) < 0.16 * weight.abs().max()
    save_file(tensors, f"{out}/nf4.safetensors")


def main():
    parser = argparse.ArgumentParser(description="Write the numeric goldens of the model and LoRA tests.")
    parser.add_argument("--out", default=HERE, help="where to write (default: beside this script)")
    parser.add_argument("--smollm2", help="SmolLM2-135M-Instruct in Q4_1 as GGUF; without it smollm2.json is left alone")
    arguments = parser.parse_args()
    out = os.path.abspath(arguments.out)
    os.makedirs(out, exist_ok=True)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.disable_progress_bar()

    make_tied(out)
    make_untied(out)
    sequences = make_logits(out)
    make_lora(out, sequences)
    make_sft(out)
    make_full(out)
    make_dpo(out)
    make_generation(out)
    make_gguf(out, sequences)
    make_losses(out)
    make_nf4(out)
    if arguments.smollm2:
        make_smollm2(out, arguments.smollm2)
    packages = ("torch", "transformers", "peft", "gguf", "tokenizers", "safetensors", "numpy")
    make_manifest(out, packages)


if __name__ == "__main__":
    main()
