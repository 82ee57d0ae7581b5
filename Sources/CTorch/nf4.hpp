// Weights in 4-bit NormalFloat (QLoRA, arXiv 2305.14314, section 3): sixteen levels, one scale for every 64 weights.
#pragma once

#include <ATen/ATen.h>

namespace tt::nf4 {

constexpr int64_t block = 64;

// The weight [out, in] that codes [out, in / 2] and scales [blocks] stand for.
at::Tensor dequantize(const at::Tensor &codes, const at::Tensor &scales, at::ScalarType type);

}  // namespace tt::nf4
