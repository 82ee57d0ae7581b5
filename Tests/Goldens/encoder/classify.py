"""Loads a classifier that Temper wrote with transformers and prints the scores it gives, as JSON on standard output.

    python classify.py DIR ids.json      (ids.json: a list of token-id lists)

Output: {"labels": [names in the order of the scores], "problem_type": ..., "unused": [weights that no module takes],
         "missing": [weights that are not in the files], "logits": [one list a sequence]}. Nothing is written or fetched.
"""

import json
import os
import sys

os.environ.update({"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"})

import torch
from transformers import AutoModelForSequenceClassification

torch.set_num_threads(1)
with open(sys.argv[2], encoding="utf-8") as file:
    sequences = json.load(file)
model, notes = AutoModelForSequenceClassification.from_pretrained(
    sys.argv[1], attn_implementation="eager", output_loading_info=True)
model.eval()
with torch.no_grad():
    logits = [model(input_ids=torch.tensor([ids])).logits[0].tolist() for ids in sequences]
labels = [model.config.id2label[index] for index in range(model.config.num_labels)]
print(json.dumps({"labels": labels, "problem_type": model.config.problem_type, "logits": logits,
                  "unused": sorted(notes["unexpected_keys"]), "missing": sorted(notes["missing_keys"])}))
