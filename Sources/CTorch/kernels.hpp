// Row kernels of the fused layers, in float32, for whatever vector width the processor has.
//
// Rows of bfloat16 tensors are widened into a scratch buffer, computed in float32, and narrowed again: the loops
// stay plain enough for the compiler to vectorise, and there is one version of each formula. `target_clones`
// compiles each for AVX-512, AVX2 and the baseline, and picks at load time.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#define TT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TT_CLONES
#endif
// Clang wants every declaration to say it. g++ would then pick a clone where it is called, and clones do not leave their file.
#if defined(__clang__)
#define TT_CLONED TT_CLONES
#else
#define TT_CLONED
#endif

namespace tt::kernels {

TT_CLONED void widen(const uint16_t *source, float *destination, int64_t count);
TT_CLONED void narrow(const float *source, uint16_t *destination, int64_t count);

// y = x * w * r with r = 1 / sqrt(mean(x^2) + epsilon); returns r.
TT_CLONED float rms_norm(const float *x, const float *w, float *y, int64_t count, float epsilon);
// dx = r * (g w) - x * r^3 * mean(g w x)
TT_CLONED void rms_norm_backward(const float *x, const float *w, const float *g, float *dx, int64_t count, float r);

// y = silu(gate) * up
TT_CLONED void silu_mul(const float *gate, const float *up, float *y, int64_t count);
TT_CLONED void silu_mul_backward(const float *gate, const float *up, const float *g, float *dgate, float *dup,
                                 int64_t count);

// Where the largest of a row of bfloat16 numbers is, the first of equals; 0 in a row of NaN.
TT_CLONED int64_t argmax(const uint16_t *row, int64_t count);

// Cross-entropy of a row of logits, which is overwritten; where `gradient` is given, factor * (softmax - one-hot) in bfloat16.
TT_CLONED float entropy(float *logits, int64_t count, int64_t target, float factor, uint16_t *gradient);

// For attention. Columns are computed in whole groups of so many, which `b` and `c` must have room for.
constexpr int64_t column_grain = 32;
// c [m, n] = a b, added to c where `adds`: a [m, k] with steps between rows and between columns, b [k, n], c row-major.
TT_CLONED void multiply(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *b,
                        int64_t b_row, float *c, int64_t c_row, bool adds);
// row = softmax(scale * row); returns the logarithm of the denominator.
TT_CLONED float softmax(float *row, int64_t count, float scale);
// From scores and the gradient of the weights to the weights and the gradient of the scores: with p = exp(scale * s - sum),
// score = p * (score - projection) * scale and weight = p.
TT_CLONED void softmax_backward(float *weight, float *score, int64_t count, float scale, float sum, float projection);
TT_CLONED float dot(const float *a, const float *b, int64_t count);
// y += x
TT_CLONED void add(const float *x, float *y, int64_t count);

// (y1, y2) = (x1 c - x2 s, x2 c + x1 s) for the two halves of one head; sign -1 rotates back.
TT_CLONED void rotate(const float *x, const float *cosine, const float *sine, float sign, float *y, int64_t half);

}  // namespace tt::kernels
