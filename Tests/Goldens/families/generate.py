"""Writes the goldens of the model families: what transformers and PEFT say about one tiny random model of each.

How to run it (an environment with torch, transformers, peft, gguf, safetensors and numpy; the versions these files
were made with are in manifest.json):

    python generate.py                  every family (half a minute), their model.gguf left as it is
    python generate.py mpt gemma2       only these
    python generate.py --out DIR        somewhere else than beside this script
    python generate.py --llama-cpp DIR  model.gguf too, by the converter of that checkout of llama.cpp

Everything is f32 on one CPU thread with fixed seeds, attention and experts "eager", every sequence alone and unpadded.
The same versions give the same bytes. Every weight is a multiple of 1/1024 below 2 in size, so that f32 and f16 hold
the same number. Each family has a folder:

    config.json, model.safetensors   the model as transformers saves it
    adapter/                         PEFT's LoRA on every linear module of a block but the router, B not zero
    golden.json                      sequences: token ids. lora_loss: sum of the next-token cross-entropies of all three
                                     divided by targets, their number, with the adapter on. greedy: the 12 ids that the
                                     model without it adds to sequence 0, and the smallest lead of a chosen id over the
                                     second. noise: largest difference of a logit to f64. routing_lead: smallest lead
                                     in probability of a chosen expert over one not chosen. without: how far a logit
                                     moves when a trait of the family is taken away.
    golden.safetensors               logits.I, lora_logits.I for sequence I, [length, vocabulary]; grad.<name> for
                                     each matrix of adapter_model.safetensors
    model.gguf                       the model in F16 as llama.cpp's own converter writes it, norms and routers F32,
                                     with a vocabulary of 56 made-up tokens

What config.json looks like as transformers 5 writes it:

    rope_parameters       always nested: {"rope_type", "rope_theta", ...}; no top-level rope_theta or rope_scaling.
                          gemma3: one such dictionary under "full_attention" and one under "sliding_attention"; no
                          rope_local_base_freq. llama31 adds factor, low_freq_factor, high_freq_factor,
                          original_max_position_embeddings; phi3 partial_rotary_factor; phi4mini also short_factor,
                          long_factor and original_max_position_embeddings (there and at the top level, both phi).
                          mpt has none.
    layer_types           qwen2, qwen3, gemma2, gemma3, smollm3. Not mistral: there a window is every layer's.
    sliding_window        a number for mistral, gemma2, gemma3; not there for llama, olmo2, mpt; null elsewhere.
                          gemma3 has sliding_window_pattern only because it was given; layer_types says the same, and
                          _sliding_window_pattern is 6 in files where nobody gave it, whatever layer_types says.
    no_rope_layers        smollm3: 1 for a layer with RoPE, 0 for one without; no_rope_layer_interval beside it.
    tie_word_embeddings   always there; a tied head is not in model.safetensors.
    head_dim              a number for llama, mistral, qwen3, qwen3moe, gemma2, gemma3; null for mixtral; not there for
                          qwen2, phi3, olmo2, smollm3, mpt. Where it is missing or null: hidden / heads.
    hidden_act            hidden_activation for gemma2 and gemma3; not there for mpt, which is GELU with erf.
    mpt                   other names: d_model, n_heads, n_layers, expansion_ratio, max_seq_len,
                          layer_norm_epsilon, attn_config {alibi, alibi_bias_max, clip_qkv, softmax_scale, qk_ln, ...}.
    experts               num_local_experts (qwen3moe on the Hub: num_experts) and num_experts_per_tok; the size of one
                          is moe_intermediate_size for qwen3moe and intermediate_size for mixtral; qwen3moe also
                          norm_topk_prob, decoder_sparse_step, mlp_only_layers.

What a GGUF file does not say, see MISSING_IN_GGUF: gguf_logits.I are the logits with what llama.cpp assumes then.

Experts are saved one by one (mlp.experts.E.gate_proj or block_sparse_moe.experts.E.w1), though transformers 5 holds
them stacked in memory. The adapter names them one by one too: it is trained on a model whose experts are separate
linear modules, and checked against the stacked model into which PEFT loads it.
"""

import argparse
import copy
import json
import os
import shutil
import sys
import tempfile
import types
from pathlib import Path

os.environ.update({"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"})

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GenerationConfig

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from reference import gap, logits_of, make_manifest, number, rng, write_json

HERE = os.path.dirname(os.path.abspath(__file__))
LENGTHS = (5, 17, 40)
GRID = 1024
SEPARATE = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
FUSED = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]


# The families


def plain(theta=10000.0):
    return {"rope_type": "default", "rope_theta": theta}


def set_norms(model, part, value):
    for name, p in model.named_parameters():
        if part in name:
            p.fill_(value)


def zero_biases(model):
    set_norms(model, ".bias", 0.0)


def zero_alibi(model):
    build = model.transformer.build_mpt_alibi_tensor
    model.transformer.build_mpt_alibi_tensor = lambda *a, **k: torch.zeros_like(build(*a, **k))


def no_query_key_norm(model):
    for layer in model.model.layers:
        layer.self_attn.q_norm = layer.self_attn.k_norm = torch.nn.Identity()


def even_query_key_norm(model):
    set_norms(model, "q_norm", 0.0 if "gemma" in model.config.model_type else 1.0)


LONG = {"rope_type": "longrope", "rope_theta": 500.0, "partial_rotary_factor": 0.5, "short_factor": [1.0, 1.5],
        "long_factor": [1.25, 6.0], "original_max_position_embeddings": 16}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}

# Per family: the configuration class, what it says beyond the common sizes, the modules an adapter sits on, the seed,
# and its traits: each a change (fields of config.json, or a function of the model) that must move the logits.
FAMILIES = {
    "llama2": ("Llama", dict(num_key_value_heads=4, rope_parameters=plain(), rms_norm_eps=1e-5), SEPARATE, 101, {
        "rope_theta": dict(rope_parameters=plain(100.0)), "rms_norm_eps": dict(rms_norm_eps=0.1)}),
    "llama31": ("Llama", dict(rope_parameters=LLAMA3, rms_norm_eps=1e-5), SEPARATE, 102, {
        "rope scaling": dict(rope_parameters=plain(500.0))}),
    "mistral": ("Mistral", dict(rope_parameters=plain(), sliding_window=8, rms_norm_eps=1e-5), SEPARATE, 103, {
        "sliding_window": dict(sliding_window=None), "sliding_window by one": dict(sliding_window=9)}),
    "qwen2": ("Qwen2", dict(rope_parameters=plain(1e6), tie_word_embeddings=True, rms_norm_eps=1e-6), SEPARATE, 104, {
        "biases": zero_biases}),
    "qwen3": ("Qwen3", dict(rope_parameters=plain(1e6), head_dim=16, tie_word_embeddings=True, rms_norm_eps=1e-6),
              SEPARATE, 305, {"q_norm and k_norm": no_query_key_norm, "q_norm weights": even_query_key_norm}),
    "gemma2": ("Gemma2", dict(
        rope_parameters=plain(), head_dim=16, query_pre_attn_scalar=24, sliding_window=8, attn_logit_softcapping=2.0,
        final_logit_softcapping=4.0, tie_word_embeddings=True, hidden_activation="gelu_pytorch_tanh"), SEPARATE, 1506, {
        "sliding_window": dict(layer_types=["full_attention"] * 2),
        "order of layer_types": dict(layer_types=["full_attention", "sliding_attention"]),
        "attn_logit_softcapping": dict(attn_logit_softcapping=None),
        "final_logit_softcapping": dict(final_logit_softcapping=None),
        "query_pre_attn_scalar": dict(query_pre_attn_scalar=16), "tanh in gelu": dict(hidden_activation="gelu")}),
    "gemma3": ("Gemma3Text", dict(
        num_hidden_layers=3, head_dim=16, query_pre_attn_scalar=24, sliding_window=8, tie_word_embeddings=True,
        sliding_window_pattern=2,
        rope_parameters={"full_attention": plain(1000.0), "sliding_attention": plain(50.0)},
        hidden_activation="gelu_pytorch_tanh"), SEPARATE, 407, {
        "sliding_window": dict(sliding_window=64),
        "order of layer_types": dict(layer_types=["full_attention", "sliding_attention", "sliding_attention"]),
        "local rope_theta": dict(rope_parameters=dict.fromkeys(("full_attention", "sliding_attention"), plain(1000.0))),
        "global rope_theta": dict(rope_parameters=dict.fromkeys(("full_attention", "sliding_attention"), plain(50.0))),
        "query_pre_attn_scalar": dict(query_pre_attn_scalar=16), "tanh in gelu": dict(hidden_activation="gelu"),
        "q_norm and k_norm": no_query_key_norm, "q_norm weights": even_query_key_norm}),
    "phi3": ("Phi3", dict(rope_parameters=plain(), rms_norm_eps=1e-5, original_max_position_embeddings=128),
             FUSED, 108, {"rope_theta": dict(rope_parameters=plain(100.0)),
                          "partial_rotary_factor": dict(rope_parameters={**plain(), "partial_rotary_factor": 0.7})}),
    "phi4mini": ("Phi3", dict(
        hidden_size=32, rope_parameters=LONG, original_max_position_embeddings=16, rms_norm_eps=1e-5,
        tie_word_embeddings=True), FUSED, 109, {
        "rope scaling": dict(rope_parameters={**plain(500.0), "partial_rotary_factor": 0.5}),
        "long factors": dict(rope_parameters={**LONG, "long_factor": LONG["short_factor"]}),
        "short factors": dict(rope_parameters={**LONG, "short_factor": LONG["long_factor"]}),
        "attention factor": dict(rope_parameters={**LONG, "attention_factor": 1.0})}),
    "olmo2": ("Olmo2", dict(rope_parameters=plain(500000.0), rms_norm_eps=1e-6), SEPARATE, 110, {
        "q_norm and k_norm": no_query_key_norm, "q_norm weights": even_query_key_norm}),
    "smollm3": ("SmolLM3", dict(
        num_hidden_layers=4, no_rope_layer_interval=4, rope_parameters=plain(50000.0), tie_word_embeddings=True,
        rms_norm_eps=1e-6), SEPARATE, 711, {
        "NoPE": dict(no_rope_layers=[1, 1, 1, 1]), "RoPE elsewhere": dict(no_rope_layers=[0, 0, 0, 0])}),
    "mpt": ("Mpt", dict(d_model=32, n_heads=4, n_layers=2, expansion_ratio=4, max_seq_len=128, no_bias=True,
                        learned_pos_emb=False, attn_config={"alibi": True}),
            ["Wqkv", "out_proj", "up_proj", "down_proj"], 412, {
        "ALiBi": zero_alibi, "layer_norm_epsilon": dict(layer_norm_epsilon=0.1)}),
    "qwen3moe": ("Qwen3Moe", dict(
        rope_parameters=plain(1e6), head_dim=16, num_experts=4, num_experts_per_tok=2, norm_topk_prob=True,
        moe_intermediate_size=20, rms_norm_eps=1e-6), SEPARATE, 1913, {
        "norm_topk_prob": dict(norm_topk_prob=False), "num_experts_per_tok": dict(num_experts_per_tok=1),
        "q_norm and k_norm": no_query_key_norm}),
    "mixtral": ("Mixtral", dict(
        rope_parameters=plain(1e6), num_local_experts=4, num_experts_per_tok=2, intermediate_size=20,
        rms_norm_eps=1e-5), ["q_proj", "k_proj", "v_proj", "o_proj", "w1", "w2", "w3"], 114, {
        "num_experts_per_tok": dict(num_experts_per_tok=1)}),
}


# What the converter leaves out and a reader must assume as llama.cpp does, where that differs from the model here:
# no window for arch "llama", 1/sqrt(head_dim) as the scale for gemma, every sixth layer global for gemma3. Left out,
# but assumed alike: the NoPE interval of smollm3 (4), gemma2's local layer first of two, and that qwen3moe scales the
# weights of the chosen experts to sum 1.
MISSING_IN_GGUF = {
    "mistral": dict(sliding_window=None),
    "gemma2": dict(query_pre_attn_scalar=16),
    "gemma3": dict(query_pre_attn_scalar=16, layer_types=["sliding_attention"] * 3),
}


def configuration(name):
    kind, more, *_ = FAMILIES[name]
    common = dict(vocab_size=56, bos_token_id=1, eos_token_id=2, pad_token_id=0, tie_word_embeddings=False)
    if kind == "Mpt":
        common["tie_word_embeddings"] = True
    else:
        common.update(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
                      num_key_value_heads=2, max_position_embeddings=128)
    return getattr(transformers, f"{kind}Config")(**copy.deepcopy({**common, **more}))


# Helpers


def load(path, **changes):
    """The saved model, with some fields of its config.json replaced."""
    with open(f"{path}/config.json", encoding="utf-8") as file:
        fields = json.load(file)
    kind = transformers.CONFIG_MAPPING[fields["model_type"]]
    model = AutoModelForCausalLM.from_pretrained(
        path, config=kind(**{**fields, **copy.deepcopy(changes)}), dtype=torch.float32, attn_implementation="eager",
        **({"experts_implementation": "eager"} if "num_experts_per_tok" in fields else {}))
    return model.eval()


def greedy(model, ids, count):
    """The new ids and the smallest lead of a chosen id over the second, with the cache and without."""
    model.generation_config = GenerationConfig()
    model.generation_config.pad_token_id = 0
    made = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False,
        max_new_tokens=count, output_logits=True, return_dict_in_generate=True)
    tops = torch.stack(list(made.logits))[:, 0].topk(2).values
    new = made.sequences[0, len(ids):].tolist()
    running = list(ids)
    for token in new:
        assert logits_of(model, running)[-1].argmax().item() == token
        running.append(token)
    return new, number((tops[:, 0] - tops[:, 1]).min())


# The model


def randomise(model, seed):
    """Matrices and biases from N(0, 0.3), norm weights around 1 (gemma: 0), all on the grid.

    A tied embedding is from N(0, 0.1): larger, and the model would say its last token again for ever.
    """
    g = rng(seed)
    tied = model.get_input_embeddings().weight if model.config.tie_word_embeddings else None
    centre = 0.0 if "gemma" in model.config.model_type else 1.0
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=g)
            values = centre + 0.2 * noise if "norm" in name else (0.1 if p is tied else 0.3) * noise
            p.copy_((values * GRID).round() / GRID)
            assert p.abs().max() < 2 and torch.equal(p, p.half().float()), name
    return model.eval()


def make_model(path, name):
    config = configuration(name)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    randomise(model, FAMILIES[name][3]).save_pretrained(path)
    if os.path.isfile(f"{path}/generation_config.json"):
        os.remove(f"{path}/generation_config.json")


def check_traits(path, name, ids, logits):
    """How far each trait moves the logits when it is taken away: far enough for a test to notice."""
    moved = {}
    for trait, change in FAMILIES[name][4].items():
        model = load(path) if callable(change) else load(path, **change)
        if callable(change):
            with torch.no_grad():
                change(model)
        moved[trait] = max(gap(logits_of(model, s), made) for s, made in zip(ids, logits))
        assert moved[trait] > (4e-4 if "gelu" in trait else 0.05), f"{name}: {trait} moves the logits by {moved[trait]}"
    return moved


def routing_lead(model, sequences):
    """The smallest lead of the last expert chosen over the first one not chosen."""
    leads = []
    for ids in sequences:
        with torch.no_grad():
            routed = model(input_ids=torch.tensor([ids]), output_router_logits=True).router_logits
        for scores in routed:
            top = scores.softmax(-1).topk(model.config.num_experts_per_tok + 1).values
            leads.append((top[:, -2] - top[:, -1]).min())
    return number(min(leads))


# The adapter


class SeparateExperts(torch.nn.ModuleList):
    """Stacked experts taken apart into linear modules, with the names they have in the saved file."""

    def __init__(self, stacked, names):
        gate_name, up_name, down_name = names
        super().__init__()
        for gate_up, down in zip(stacked.gate_up_proj, stacked.down_proj):
            gate, up = gate_up.chunk(2)
            expert = torch.nn.Module()
            for name, weight in ((gate_name, gate), (up_name, up), (down_name, down)):
                linear = torch.nn.Linear(*reversed(weight.shape), bias=False)
                linear.weight = torch.nn.Parameter(weight.detach().clone())
                expert.add_module(name, linear)
            self.append(expert)
        self.names = names

    def forward(self, x, chosen, weights):
        total = torch.zeros_like(x)
        for e, expert in enumerate(self):
            gate, up, down = (getattr(expert, name) for name in self.names)
            share = (weights * (chosen == e)).sum(-1, keepdim=True)
            total = total + share * down(torch.nn.functional.silu(gate(x)) * up(x))
        return total


def take_experts_apart(model):
    mixtral = model.config.model_type == "mixtral"
    for layer in model.model.layers:
        block = layer.mlp
        block.experts = SeparateExperts(
            block.experts, ("w1", "w3", "w2") if mixtral else ("gate_proj", "up_proj", "down_proj"))
        if mixtral:
            del layer.mlp
            layer.block_sparse_moe = block
            object.__setattr__(layer, "mlp", block)  # found by forward, not a module of its own
    model.config.model_type = "separate_experts"  # or PEFT would turn the targets into stacked parameters
    return model


def lora_parameters(model):
    """The trained matrices by their name in adapter_model.safetensors, sorted."""
    return {n.replace(".default", ""): p for n, p in sorted(model.named_parameters()) if p.requires_grad}


def make_adapter(path, name, seed):
    """The model with the adapter on, after PEFT has saved the adapter."""
    base = load(path)
    if hasattr(base.config, "num_experts_per_tok"):
        take_experts_apart(base)
    model = peft.get_peft_model(base, peft.LoraConfig(
        r=4, lora_alpha=8, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM", target_modules=FAMILIES[name][2]))
    g = rng(seed)
    with torch.no_grad():
        for label, p in lora_parameters(model).items():
            p.copy_((0.15 if "lora_A" in label else 0.10) * torch.randn(p.shape, generator=g))
    model.eval().save_pretrained(f"{path}/adapter")
    os.remove(f"{path}/adapter/README.md")
    with open(f"{path}/adapter/adapter_config.json", encoding="utf-8") as file:
        content = json.load(file)
    content["base_model_name_or_path"] = name
    content["target_modules"] = sorted(content["target_modules"])
    with open(f"{path}/adapter/adapter_config.json", "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True)
        file.write("\n")
    assert set(load_file(f"{path}/adapter/adapter_model.safetensors")) == set(lora_parameters(model))
    return model


def loss_and_gradients(model, sequences):
    total = sum(len(ids) - 1 for ids in sequences)
    loss = 0.0
    for ids in sequences:
        logits = model(input_ids=torch.tensor([ids])).logits[0]
        part = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="sum") / total
        part.backward()
        loss += part.item()
    gradients = {n: p.grad.clone() for n, p in lora_parameters(model).items()}
    assert all(g.abs().max() > 0 for g in gradients.values())
    return loss, gradients


# GGUF


# Names of a block's tensors in GGUF by those of transformers, without "blk.L." and ".weight" or ".bias".
IN_BLOCK = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.qkv_proj": "attn_qkv", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "mlp.gate_up_proj": "ffn_up", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm", "mlp.gate": "ffn_gate_inp", "block_sparse_moe.gate": "ffn_gate_inp",
    "attn.Wqkv": "attn_qkv", "attn.out_proj": "attn_output", "ffn.up_proj": "ffn_up", "ffn.down_proj": "ffn_down",
    "norm_1": "attn_norm", "norm_2": "ffn_norm"}
AFTER = {"post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm"}
IN_BLOCK_OF = {"olmo2": AFTER, "gemma2": AFTER | {"pre_feedforward_layernorm": "ffn_norm"}}
IN_BLOCK_OF["gemma3"] = IN_BLOCK_OF["gemma2"]
EXPERT = {"gate_proj": "ffn_gate_exps", "up_proj": "ffn_up_exps", "down_proj": "ffn_down_exps",
          "w1": "ffn_gate_exps", "w3": "ffn_up_exps", "w2": "ffn_down_exps"}
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
           "transformer.wte": "token_embd", "transformer.norm_f": "output_norm"}
PERMUTED = ("llama2", "llama31", "mistral", "mixtral", "smollm3")
READ_BY_TRANSFORMERS = ("llama2", "llama31", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "qwen3moe")


def convert(llama_cpp, path, name):
    """model.gguf by llama.cpp's converter, all but the vocabulary, for which there is no tokenizer."""
    sys.dont_write_bytecode = True
    if llama_cpp not in sys.path:
        sys.path[:0] = [llama_cpp, f"{llama_cpp}/gguf-py"]
    import conversion
    import gguf
    tokens = ["<pad>", "<bos>", "<eos>", *"abcdefghijklmnopqrstuvwxyz0123456789ĠĊ.,!?;:'-()\"+*", "th", "the"]

    def set_vocab(self):
        writer = self.gguf_writer
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list(tokens)
        writer.add_token_types([gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.NORMAL] * (len(tokens) - 3))
        writer.add_token_merges(["t h", "th e"])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_pad_token_id(0)
        writer.add_add_bos_token(False)

    with open(f"{path}/config.json", encoding="utf-8") as file:
        architecture = json.load(file)["architectures"][0].replace("MptFor", "MPTFor")  # as mosaicml spells it
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / name
        source.mkdir()
        for file in ("config.json", "model.safetensors"):
            shutil.copy(f"{path}/{file}", source)
        (source / "tokenizer.json").write_text(json.dumps({  # gemma3 counts its tokens
            "model": {"vocab": {token: i for i, token in enumerate(tokens)}}, "added_tokens": []}))
        with torch.inference_mode():
            converter = conversion.get_model_class(architecture)(
                source, gguf.LlamaFileType.MOSTLY_F16, Path(path) / "model.gguf", eager=True)
            converter.set_vocab = types.MethodType(set_vocab, converter)
            converter.write()
    check_gguf(path, name, gguf)


def check_gguf(path, name, gguf):
    """The file holds the weights of model.safetensors: same numbers, by these names, in this order of rows."""
    reader = gguf.GGUFReader(f"{path}/model.gguf")
    assert all(tensor.tensor_type.name in ("F16", "F32") for tensor in reader.tensors)
    stored = {t.name: torch.from_numpy(t.data.copy()).float() for t in reader.tensors}
    config = load(path).config
    for label, values in load_file(f"{path}/model.safetensors").items():
        module, _, kind = label.rpartition(".")
        parts = module.split(".")
        if module in OUTSIDE:
            found = stored.pop(f"{OUTSIDE[module]}.{kind}")
        elif "experts" in parts:
            found = stored[f"blk.{parts[2]}.{EXPERT[parts[-1]]}.{kind}"][int(parts[-2])]
        else:
            place = (IN_BLOCK | IN_BLOCK_OF.get(name, {}))[".".join(parts[3:])]
            found = stored.pop(f"blk.{parts[2]}.{place}.{kind}")
        if name in PERMUTED and parts[-1] in ("q_proj", "k_proj"):
            heads = config.num_attention_heads if parts[-1] == "q_proj" else config.num_key_value_heads
            size = values.shape[0] // heads
            values = values.reshape(heads, 2, size // 2, -1).transpose(1, 2).reshape(values.shape)
        if "gemma" in name and "norm" in parts[-1]:
            values = values + 1
        assert torch.equal(found, values), f"{name}: {label}"
    rest = {place for place in stored if "_exps" not in place}
    assert rest == {"llama31": {"rope_freqs.weight"},
                    "phi4mini": {"rope_factors_long.weight", "rope_factors_short.weight"}}.get(name, set()), rest
    if name == "llama31":
        scaled = load(path).model.rotary_emb.inv_freq
        unscaled = 500.0 ** -(torch.arange(0, 6, 2) / 6)
        assert torch.allclose(unscaled / stored["rope_freqs.weight"], scaled), "rope_freqs divides the frequencies"
    if name == "phi4mini":
        factor = reader.fields["phi3.rope.scaling.attn_factor"].contents()
        assert abs(factor - load(path).model.rotary_emb.attention_scaling) < 1e-6
    if name in READ_BY_TRANSFORMERS:
        # For the qwen3 families transformers does not read head_dim from the file: it is told.
        told = {"config": config} if "qwen3" in name else {}
        read = AutoModelForCausalLM.from_pretrained(path, gguf_file="model.gguf", dtype=torch.float32, **told)
        for label, values in load(path).state_dict().items():
            assert torch.equal(values, read.state_dict()[label]), f"{name}: transformers reads another {label}"


# One family


def make(out, name, llama_cpp):
    path = f"{out}/{name}"
    os.makedirs(path, exist_ok=True)
    shutil.rmtree(f"{path}/adapter", ignore_errors=True)
    seed = FAMILIES[name][3]
    make_model(path, name)
    model = load(path)
    g = rng(1000 + seed)
    sequences = [torch.randint(3, 56, (n,), generator=g).tolist() for n in LENGTHS]
    logits = [logits_of(model, ids) for ids in sequences]
    start = logits_of(model, sequences[2][:13]) if name != "phi4mini" else logits[2][:13]  # there length picks factors
    assert gap(logits[2][:13], start) < 1e-4, "a token must not see what follows"
    noise = max(gap(a, logits_of(load(path).double(), ids).float()) for a, ids in zip(logits, sequences))
    new, lead = greedy(model, sequences[0], 12)
    assert lead > 1e-3, f"{name}: choose another seed, a greedy step is nearly a tie ({lead})"
    assert len(set(new)) > 4, f"{name}: choose another seed, the greedy continuation repeats itself: {new}"
    content = {"schema": 1, "sequences": sequences, "largest_logit": number(max(a.abs().max() for a in logits)),
               "noise": noise, "greedy": {"ids": new, "lead": lead}}
    if hasattr(model.config, "num_experts_per_tok"):
        content["routing_lead"] = routing_lead(model, sequences)
        assert content["routing_lead"] > 2e-4, f"{name}: choose another seed, a router is nearly tied"
    content["without"] = check_traits(path, name, sequences, logits)

    tuned = make_adapter(path, name, 2000 + seed)
    tuned_logits = [logits_of(tuned, ids) for ids in sequences]
    read = peft.PeftModel.from_pretrained(load(path), f"{path}/adapter").eval()
    for ids, before, after in zip(sequences, logits, tuned_logits):
        assert gap(before, after) > 0.1, "the adapter must matter"
        assert gap(after, logits_of(read, ids)) < 1e-4, "PEFT must read back what it saved"
    loss, gradients = loss_and_gradients(tuned, sequences)
    if name in MISSING_IN_GGUF:
        content["missing_in_gguf"] = MISSING_IN_GGUF[name]
    content["lora_loss"] = number(loss)
    content["targets"] = sum(len(ids) - 1 for ids in sequences)
    tensors = {f"logits.{i}": a for i, a in enumerate(logits)}
    tensors |= {f"lora_logits.{i}": a for i, a in enumerate(tuned_logits)}
    tensors |= {f"grad.{label}": a for label, a in gradients.items()}
    if name in MISSING_IN_GGUF:
        assumed = load(path, **MISSING_IN_GGUF[name])
        tensors |= {f"gguf_logits.{i}": logits_of(assumed, ids) for i, ids in enumerate(sequences)}
    save_file(tensors, f"{path}/golden.safetensors")
    write_json(f"{path}/golden.json", content)
    print(name, {k: v for k, v in content.items() if k not in ("sequences", "schema")}, flush=True)
    if llama_cpp:
        convert(llama_cpp, path, name)


def main():
    parser = argparse.ArgumentParser(description="Write the goldens of the model families.")
    parser.add_argument("families", nargs="*", help=f"which (default: all): {' '.join(FAMILIES)}")
    parser.add_argument("--out", default=HERE, help="where to write (default: beside this script)")
    parser.add_argument("--llama-cpp", help="a checkout of llama.cpp; without it every model.gguf is left alone")
    arguments = parser.parse_args()
    out = os.path.abspath(arguments.out)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.utils.logging.disable_progress_bar()
    for name in arguments.families or FAMILIES:
        make(out, name, arguments.llama_cpp)
    make_manifest(out, ("torch", "transformers", "peft", "gguf", "safetensors", "numpy"))


if __name__ == "__main__":
    main()
