"""What the scripts that write goldens of models have in common."""

import hashlib
import json
import os
import platform
from importlib.metadata import version

import torch


def rng(seed):
    return torch.Generator().manual_seed(seed)


def number(value):
    """Nine significant digits: enough to give back the same f32."""
    return float(f"{float(value.detach() if isinstance(value, torch.Tensor) else value):.9g}")


def gap(a, b):
    return number((a - b).abs().max())


def logits_of(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].contiguous()


def write_json(path, content):
    """One top-level key per line, UTF-8, no spaces to spare."""
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False, separators=(',', ':'))}" for k, v in content.items()]
    with open(path, "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


def hash_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def make_manifest(out, packages):
    """The hash of every file under `out`, and the versions of what made them."""
    files = {}
    for folder, _, names in os.walk(out):
        for name in names:
            place = os.path.relpath(os.path.join(folder, name), out)
            if not name.endswith((".py", ".pyc")) and place != "manifest.json":
                os.chmod(f"{out}/{place}", 0o644)
                files[place] = {"sha256": hash_of(f"{out}/{place}"), "bytes": os.path.getsize(f"{out}/{place}")}
    with open(f"{out}/manifest.json", "w", encoding="utf-8") as file:
        json.dump({"schema": 1, "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
                   "total_bytes": sum(entry["bytes"] for entry in files.values()),
                   "files": dict(sorted(files.items()))}, file, indent=1)
        file.write("\n")
