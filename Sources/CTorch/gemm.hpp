// Matrix products of bfloat16 rows with weights packed once, for processors with AVX512-BF16.
//
// A frozen weight is read thousands of times, so it is laid out once as the inner loop reads it: panels of up to 64
// columns, in each of them pairs of neighbouring rows side by side, which is what the dot-product instruction takes. A
// product may have several terms, which are added up in registers: the frozen weight and the LoRA update of a layer,
// or the gradients of several layers on one input. Where the processor multiplies tiles (AMX), the same panels go through
// those. On other processors and types nothing here is used.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace tt::gemm {

// Whether this processor runs these products, and whether a weight of these sizes can be packed.
bool available();
bool fits(int64_t inner, int64_t columns);

// weight [columns, inner] (or [inner, columns] where `transposed`) of any float type, times `scale`, as panels
// [panels, inner / 2, width, 2] in bfloat16; missing columns of the last panel are zero.
at::Tensor pack(const at::Tensor &weight, bool transposed, double scale = 1);

// One term of a product: left [rows, inner] bfloat16, each row contiguous, and the packed right side.
struct Term {
    at::Tensor left;
    at::Tensor right;
};

// The sum of all terms, plus bias [columns] and residual [rows, columns] where defined: [rows, columns] bfloat16.
at::Tensor multiply(const std::vector<Term> &terms, int64_t columns, const at::Tensor &bias = {},
                    const at::Tensor &residual = {});

// The same without bias and residual, in float32.
at::Tensor multiply_wide(const Term &term, int64_t columns);

// left^T right in float32 times `scale`: left [t, r] and right [t, n] bfloat16 -> [r, n]; r is small.
at::Tensor outer(const at::Tensor &left, const at::Tensor &right, double scale);

}  // namespace tt::gemm
