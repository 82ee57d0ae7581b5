"""Goldens of a real model of another family: qwen.py GGUF. Writes qwen.json beside it.

transformers reads the GGUF file of Qwen2.5-Coder-0.5B-Instruct (Scripts/fetch-test-models) and dequantises it to float32; ids
and texts come from the file's own tokenizer and template.
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

path = pathlib.Path(sys.argv[1])
chats = [
    [{"role": "user", "content": "What is the capital of France?"}],
    [{"role": "system", "content": "Answer in one word."}, {"role": "user", "content": "Is 7 a prime number? Größe, 东京, 12345."}],
    [{"role": "user", "content": "Write a function in Python that adds two numbers."}],
]
torch.set_num_threads(2)
tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
places = list(range(0, model.config.vocab_size, 2500))
prompts = []
for chat in chats:
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
        answer, lead = list(ids), float("inf")
        for _ in range(12):
            scores = model(torch.tensor([answer])).logits[0, -1]
            best = scores.topk(2).values
            lead = min(lead, float(best[0] - best[1]))
            answer.append(int(scores.argmax()))
    prompts.append({
        "messages": chat, "text": text, "ids": ids, "logits": [round(float(logits[place]), 5) for place in places],
        "greedy_ids": answer[len(ids):], "greedy_lead": round(lead, 4),
    })
golden = {"schema": 1, "file": path.name, "logit_indices": places, "prompts": prompts}
pathlib.Path(__file__).with_name("qwen.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
