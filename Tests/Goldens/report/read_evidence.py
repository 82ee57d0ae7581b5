"""Reads the evidence files of a folder with the tools they are written for.

    python read_evidence.py FOLDER

Needs tensorboard. Checks more where they are installed: avidtools, cyclonedx-python-lib[json-validation],
huggingface_hub, inspect_ai, jsonschema with sarif-tools, PyYAML. Says which of them it had to leave out.
"""

import importlib.util
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])


def has(module: str) -> bool:
    found = importlib.util.find_spec(module) is not None
    if not found:
        print(f"left out: {module} is not installed", file=sys.stderr)
    return found


def tensorboard() -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    assert {"tune/loss", "tune/learning_rate", "safety/jailbreak", "safety/jailbreak (low)", "utility/value"} <= tags, tags
    assert len(events.Scalars("tune/loss")) == 64
    jailbreak = events.Scalars("safety/jailbreak")
    assert [event.step for event in jailbreak] == [0, 1, 2, 4, 8, 16, 32, 64]
    assert abs(jailbreak[-1].value - 0.9) < 1e-6


def avid() -> None:
    from avidtools.datamodels.report import Report

    Report(**json.loads((folder / "avid.json").read_text()))


def cyclonedx() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str((folder / "bom.cdx.json").read_text())
    assert error is None, error


def hugging_face() -> None:
    from huggingface_hub import ModelCard

    card = ModelCard.load(folder / "README.md")
    results = card.data.eval_results
    assert card.data.base_model == "Example-135M-Instruct" and card.data.base_model_relation == "adapter"
    assert results and any(result.metric_type == "attack_success_rate" for result in results), results


def inspect() -> None:
    from inspect_ai.log import read_eval_log

    logs = sorted((folder / "inspect").glob("*.json"))
    assert logs
    for path in logs:
        log = read_eval_log(str(path))
        assert log.status == "success" and log.results.scores[0].metrics, path


def policy() -> None:
    import yaml

    rules = yaml.safe_load((folder / "policy.yaml").read_text())["rules"]
    assert len(rules) == 5 and all("metric" in rule for rule in rules)


tensorboard()
for module, check in [
    ("avidtools", avid), ("cyclonedx", cyclonedx), ("huggingface_hub", hugging_face), ("inspect_ai", inspect),
    ("yaml", policy),
]:
    if has(module):
        check()
