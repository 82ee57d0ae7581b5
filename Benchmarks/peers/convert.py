"""Writes a GGUF model, dequantised, as the folder of safetensors that transformers and TRL read: convert.py GGUF OUT."""

import pathlib
import sys

from transformers import AutoModelForCausalLM, AutoTokenizer

gguf, out = (pathlib.Path(argument) for argument in sys.argv[1:])
read = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype="bfloat16")
# What was read counts as quantised and cannot be saved, so its weights go into a model that never was.
configuration = read.config
if hasattr(configuration, "quantization_config"):
    del configuration.quantization_config
plain = AutoModelForCausalLM.from_config(configuration, dtype="bfloat16")
plain.load_state_dict(read.state_dict())
plain.save_pretrained(out)
AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(out)
