"""Loads an adapter that Temper wrote with PEFT and prints the logits it gives, as one JSON object on standard output.

    python peft_roundtrip.py --model tiny-llama --adapter DIR --ids ids.json [--merged]

--model    a directory with config.json and safetensors (here: tiny-llama)
--adapter  a directory with adapter_model.safetensors and adapter_config.json
--ids      a JSON file: either a list of token-id lists, or an object whose key "sequences" holds one
--merged   fold the adapter into the weights first (PEFT's merge_and_unload)

Output: {"peft": version, "transformers": version, "torch": version, "merged": bool,
         "modules": [names of the adapted linear modules], "shapes": [[length, vocabulary], ...],
         "logits": [one list per sequence, row-major, length * vocabulary numbers]}

Everything runs in f32 on one CPU thread, each sequence alone (no padding), attention "eager". Nothing is written and
nothing is fetched: the directories must be local. Versions this was written for: see manifest.json.
"""

import argparse
import json
import os
import sys


def main() -> int:
    parser = argparse.ArgumentParser(description="Print the logits of a model with a PEFT adapter as JSON.")
    parser.add_argument("--model", required=True, help="directory of the base model")
    parser.add_argument("--adapter", required=True, help="directory of the adapter")
    parser.add_argument("--ids", required=True, help="JSON file with token-id lists")
    parser.add_argument("--merged", action="store_true", help="merge the adapter into the weights first")
    arguments = parser.parse_args()

    for folder, needed in ((arguments.model, "config.json"), (arguments.adapter, "adapter_config.json")):
        if not os.path.isfile(os.path.join(folder, needed)):
            parser.error(f"{folder} holds no {needed}")
    try:
        with open(arguments.ids, encoding="utf-8") as file:
            sequences = json.load(file)
    except (OSError, ValueError) as error:
        parser.error(f"{arguments.ids}: {error}")
    if isinstance(sequences, dict):
        sequences = sequences.get("sequences")
    if not isinstance(sequences, list) or not all(
        isinstance(ids, list) and ids and all(type(i) is int for i in ids) for ids in sequences
    ):
        parser.error(f"{arguments.ids}: expected a list of non-empty lists of token ids, or {{\"sequences\": ...}}")

    os.environ.update({"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"})
    import peft
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    base = transformers.AutoModelForCausalLM.from_pretrained(
        arguments.model, dtype=torch.float32, attn_implementation="eager")
    model = peft.PeftModel.from_pretrained(base, arguments.adapter)
    modules = sorted(n for n, m in model.base_model.model.named_modules() if isinstance(m, peft.tuners.lora.LoraLayer))
    if arguments.merged:
        model = model.merge_and_unload()
    model.eval()

    logits = []
    with torch.no_grad():
        for ids in sequences:
            logits.append(model(input_ids=torch.tensor([ids])).logits[0].float())
    json.dump(
        {
            "peft": peft.__version__,
            "transformers": transformers.__version__,
            "torch": torch.__version__,
            "merged": arguments.merged,
            "modules": modules,
            "shapes": [list(t.shape) for t in logits],
            "logits": [[float(f"{x:.9g}") for x in t.flatten().tolist()] for t in logits],
        },
        sys.stdout)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
