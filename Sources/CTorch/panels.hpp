// What the kernels of gemm.cpp and tiles.cpp share: how a product with one panel of packed columns is put to them.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#define TT_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#endif

namespace tt::gemm {

// Columns that one vector of float32 holds.
constexpr int64_t lanes = 16;

// A term as the kernels see it: rows of bfloat16 `stride` apart, and a panel of pairs of rows.
struct Operand {
    const uint16_t *left;
    int64_t stride;
    const uint16_t *panel;
    int64_t inner;
    // How many of the numbers behind the panel this thread reads next.
    int64_t ahead;
};

struct Output {
    // One of the two.
    uint16_t *narrow;
    float *wide;
    int64_t stride;
    const float *bias;
    const uint16_t *residual;
    // Valid columns of this panel.
    int64_t columns;
    // What an earlier pass over the inner dimension has summed up, [rows, width]; this pass adds to it where it is not the
    // first, and stores there where it is not the last.
    float *sums;
    bool first, last;
};

#if defined(__x86_64__)

TT_BF16 inline __m512 widened(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// Which of a vector's columns, `start` being its first, the result has.
inline __mmask16 present(const Output &output, int64_t start) {
    const int64_t left = output.columns - start;
    return static_cast<__mmask16>(left >= lanes ? 0xFFFF : left <= 0 ? 0 : (1u << left) - 1);
}

// Writes the sums of one row's vector at `column`, with bias and residual.
TT_BF16 inline void finish(const Output &output, int64_t row, int64_t column, __mmask16 mask, __m512 bias, __m512 sum) {
    const int64_t offset = row * output.stride + column;
    sum = _mm512_add_ps(sum, bias);
    if (output.residual) sum = _mm512_add_ps(sum, widened(_mm256_maskz_loadu_epi16(mask, output.residual + offset)));
    if (output.narrow) {
        _mm256_mask_storeu_epi16(output.narrow + offset, mask, (__m256i)_mm512_cvtneps_pbh(sum));
    } else {
        _mm512_mask_storeu_ps(output.wide + offset, mask, sum);
    }
}

TT_BF16 inline __m512 bias_at(const Output &output, int64_t column, __mmask16 mask) {
    return output.bias ? _mm512_maskz_loadu_ps(mask, output.bias + column) : _mm512_setzero_ps();
}

#endif

// Whether this processor, and this system, multiplies tiles of bfloat16 (Intel's AMX).
bool has_tiles();

// `rows` rows times one panel of `width` columns, in tiles.
void tiled_product(int64_t width, const Operand *operands, int64_t count, int64_t rows, const Output &output);

}  // namespace tt::gemm
