"""What is measured, and against whom: the command line of every contestant."""

import os
import pathlib
import subprocess

root = pathlib.Path(__file__).resolve().parents[2]
peers = root / ".deps/peers"
model = root / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf"
encoder = root / ".deps/models/all-minilm-l6-v2"
exported = peers / "models/minilm.onnx"
scratch = root / ".build/benchmarks"

titles = {
    "train-dense": "LoRA, 8 × 256 tokens, loss on all",
    "train-completion": "LoRA, 8 × 256 tokens, loss on the second half",
    "train-natural": "LoRA, rows of natural length",
    "train-large": "LoRA on a GPU, the shape of Llama 3.1 8B, 4 × 2,048 tokens, loss on all",
    "prefill": "reading 64 prompts of 128 tokens",
    "decode": "writing 64 answers of 64 tokens",
    "assess": "assessing AdvBench, the aligned model",
    "encode": "MiniLM, 64 texts of 64 tokens at once",
    "encode-one": "MiniLM, a text of 64 tokens at a time",
}
units = {"assess": "requests/s"}
# Answers end when they end: what that costs cannot be told from the inputs. An encoder has other shapes.
without_limit = ("assess", "encode", "encode-one")
encoding = ("encode", "encode-one")
# A GPU has no room for two contestants: the next one begins when one has ended.
one_by_one = ("train-large",)
shape = root / "Benchmarks/shapes/llama-3.1-8b"
# What `make demo` leaves: the aligned model.
aligned = root / "runs/demo"


def data():
    """Rows for train-natural: a public set where there is one, else rows that come with Temper."""
    folder = os.environ.get("TEMPER_TEST_DATA")
    return pathlib.Path(folder) / "instructions/seed_tasks.jsonl" if folder else (
        root / "Sources/Align/Resources/refusals.jsonl"
    )


def requests():
    folder = os.environ.get("TEMPER_TEST_DATA")
    return pathlib.Path(folder) / "advbench/advbench_harmful_behaviors.csv" if folder else None


def adapter():
    steps = sorted(aligned.glob("align/step-*"))
    return steps[-1] if steps else None


def has_gpu():
    try:
        return b"GPU" in subprocess.run(["nvidia-smi", "-L"], capture_output=True).stdout
    except FileNotFoundError:
        return False


def missing(workload):
    """Why a workload cannot be run here, if so."""
    if workload == "train-large" and not has_gpu():
        return "there is no NVIDIA GPU here"
    if workload == "assess" and requests() is None:
        return "AdvBench is not here; set TEMPER_TEST_DATA to a folder that has advbench/advbench_harmful_behaviors.csv"
    if workload in encoding and not (encoder.exists() and exported.exists()):
        return f"the encoder is not here; run `temper model pull {encoder.name}`, then Benchmarks/peers/install"
    if workload == "assess" and adapter() is None:
        return "the aligned model is not here; run `make demo` first"
    return None


def inputs(workload):
    return scratch / f"{workload}.jsonl"


def temper(workload, *more):
    program = root / ".build/release/temper-bench"
    if workload == "train-large":
        return [program, workload, shape, "--device", "cuda", "--dtype", "bfloat16", *more]
    rows = {"train-natural": ["--data", data()], "assess": ["--data", requests(), "--adapter", adapter()]}
    return [program, workload, encoder if workload in encoding else model, *rows.get(workload, []), *more]


def ours(workload):
    return temper(workload, "--interactive")


def script(name, *arguments):
    return [peers / "bin/python", root / f"Benchmarks/peers/{name}.py", *arguments]


def limit(workload):
    if workload == "train-large":
        return script("limit", workload, inputs(workload), shape, "cuda")
    return script("limit", workload, inputs(workload), peers / "models/transformers")


def opponents(workload):
    """The peers' names and commands, the one that `--quick` takes first."""
    read, weights = inputs(workload), peers / "models/transformers"
    if workload in ("prefill", "decode"):
        llama = peers / "llama.cpp/build/bin/llama-batched-bench"
        kinds = ("Q4_0", "Q8_0", "BF16", "Q4_1")
        batches = {"32": "generate, 32 at once", "64": "generate, 64 at once", "continuous": "continuous batching"}
        return {
            **{f"llama.cpp {kind}": script("llama", workload, read, llama, peers / f"models/{kind}.gguf") for kind in kinds},
            **{f"transformers {batches[batch]}": script("generate", workload, read, weights, batch) for batch in batches},
        }
    if workload in encoding:
        batch = "all" if workload == "encode" else "one-by-one"
        return {"ONNX Runtime float32": script("encode", read, exported, batch)}
    if workload == "assess":
        batches = ("32", "64")
        return {
            f"transformers generate, {batch} at once": script("generate", workload, read, weights, batch, adapter())
            for batch in batches
        }
    if workload == "train-large":
        drawn = ("peft_train", read, shape, "bfloat16", "--drawn", "--device", "cuda")
        return {
            "PEFT bfloat16": script(*drawn),
            "PEFT bfloat16, gradient checkpointing": script(*drawn, "--gradient-checkpointing"),
        }
    peft = {
        "PEFT bfloat16": script("peft_train", read, weights, "bfloat16"),
        "PEFT bfloat16, adapter too": script("peft_train", read, weights, "bfloat16", "--adapter-dtype-of-base"),
    }
    if workload == "train-natural":
        variants = ("defaults", "grouped", "padding-free", "packing")
        return {f"TRL {variant}": script("trl_train", read, weights, variant) for variant in variants} | peft
    return peft | {"PEFT float32": script("peft_train", read, weights, "float32")}
