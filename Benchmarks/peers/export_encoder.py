"""Writes an encoder of BERT's type, its hidden states averaged, as a file for ONNX Runtime: export_encoder.py FOLDER OUT."""

import sys

import torch
from transformers import AutoModel


class Averaged(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids):
        return self.model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(1)


folder, out = sys.argv[1:]
model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
shape = {"ids": {0: torch.export.Dim("texts", min=1, max=4096), 1: torch.export.Dim("tokens", min=2, max=512)}}
program = torch.onnx.export(
    Averaged(model), (torch.ones(2, 8, dtype=torch.long),), input_names=["ids"], dynamo=True, dynamic_shapes=shape
)
program.save(out)
