// Row kernels; kernels.hpp says what each computes.
#include "kernels.hpp"

#pragma clang fp contract(fast)

namespace tt::kernels {

namespace {

inline uint32_t bits(float value) {
    uint32_t result;
    std::memcpy(&result, &value, sizeof(result));
    return result;
}

inline float from_bits(uint32_t value) {
    float result;
    std::memcpy(&result, &value, sizeof(result));
    return result;
}

__attribute__((always_inline)) inline uint16_t narrowed(float number) {
    const uint32_t value = bits(number);
    const uint32_t rounded = value + 0x7FFFu + ((value >> 16) & 1u);
    // A NaN must stay one: rounding could carry its mantissa into infinity.
    return static_cast<uint16_t>((value & 0x7FFFFFFFu) > 0x7F800000u ? (value >> 16) | 0x40u : rounded >> 16);
}

// exp by range reduction to [-ln2/2, ln2/2] and a degree-6 polynomial; relative error below 2e-7.
__attribute__((always_inline)) inline float fast_exp(float x) {
    x = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
    // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer without a library call.
    const float magic = 12582912.0f;
    const float shifted = x * 1.44269504f + magic;
    const float n = shifted - magic;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return p * from_bits((static_cast<uint32_t>(static_cast<int32_t>(n)) + 127u) << 23);
}

}  // namespace

TT_CLONES void widen(const uint16_t *source, float *destination, int64_t count) {
    for (int64_t i = 0; i < count; ++i) destination[i] = from_bits(static_cast<uint32_t>(source[i]) << 16);
}

TT_CLONES void narrow(const float *source, uint16_t *destination, int64_t count) {
    for (int64_t i = 0; i < count; ++i) destination[i] = narrowed(source[i]);
}

TT_CLONES int64_t argmax(const uint16_t *row, int64_t count) {
#pragma clang fp reassociate(on)
    constexpr int64_t block = 1024;
    int64_t best_start = 0;
    float best = -INFINITY;
    for (int64_t start = 0; start < count; start += block) {
        const int64_t end = start + block < count ? start + block : count;
        float largest = -INFINITY;
        for (int64_t i = start; i < end; ++i) {
            const float value = from_bits(static_cast<uint32_t>(row[i]) << 16);
            largest = value > largest ? value : largest;
        }
        if (largest > best) {
            best = largest;
            best_start = start;
        }
    }
    for (int64_t i = best_start; i < count; ++i) {
        if (from_bits(static_cast<uint32_t>(row[i]) << 16) == best) return i;
    }
    return 0;
}

TT_CLONES float rms_norm(const float *x, const float *w, float *y, int64_t count, float epsilon) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += x[i] * x[i];
    const float r = 1.0f / std::sqrt(sum / static_cast<float>(count) + epsilon);
    for (int64_t i = 0; i < count; ++i) y[i] = x[i] * r * w[i];
    return r;
}

TT_CLONES void rms_norm_backward(const float *x, const float *w, const float *g, float *dx, int64_t count, float r) {
#pragma clang fp reassociate(on)
    float dot = 0;
    for (int64_t i = 0; i < count; ++i) dot += g[i] * w[i] * x[i];
    const float factor = dot * r * r * r / static_cast<float>(count);
    for (int64_t i = 0; i < count; ++i) dx[i] = r * g[i] * w[i] - x[i] * factor;
}

TT_CLONES void silu_mul(const float *gate, const float *up, float *y, int64_t count) {
    for (int64_t i = 0; i < count; ++i) y[i] = gate[i] / (1.0f + fast_exp(-gate[i])) * up[i];
}

TT_CLONES void silu_mul_backward(const float *gate, const float *up, const float *g, float *dgate, float *dup,
                                 int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
        const float s = 1.0f / (1.0f + fast_exp(-gate[i]));
        dup[i] = g[i] * gate[i] * s;
        dgate[i] = g[i] * up[i] * s * (1.0f + gate[i] * (1.0f - s));
    }
}

TT_CLONES void rotate(const float *x, const float *cosine, const float *sine, float sign, float *y, int64_t half) {
    for (int64_t i = 0; i < half; ++i) {
        const float first = x[i], second = x[i + half], s = sign * sine[i];
        y[i] = first * cosine[i] - second * s;
        y[i + half] = second * cosine[i] + first * s;
    }
}

namespace {

// Sixteen numbers at a time, in whatever registers the processor has.
typedef float Lanes __attribute__((vector_size(64), aligned(4)));

template <int Rows>
__attribute__((always_inline)) inline void product_tile(int64_t k, const float *a, int64_t a_row, int64_t a_column,
                                                        const float *b, int64_t b_row, float *c, int64_t c_row, bool adds) {
    Lanes sums[Rows][2];
    for (int i = 0; i < Rows; ++i) {
        for (int j = 0; j < 2; ++j) {
            sums[i][j] = adds ? *reinterpret_cast<const Lanes *>(c + i * c_row + j * 16) : Lanes{};
        }
    }
    for (int64_t l = 0; l < k; ++l) {
        const Lanes first = *reinterpret_cast<const Lanes *>(b + l * b_row);
        const Lanes second = *reinterpret_cast<const Lanes *>(b + l * b_row + 16);
        for (int i = 0; i < Rows; ++i) {
            const float factor = a[i * a_row + l * a_column];
            sums[i][0] += factor * first;
            sums[i][1] += factor * second;
        }
    }
    for (int i = 0; i < Rows; ++i) {
        for (int j = 0; j < 2; ++j) *reinterpret_cast<Lanes *>(c + i * c_row + j * 16) = sums[i][j];
    }
}

}  // namespace

TT_CLONES void multiply(int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, int64_t a_column, const float *b,
                        int64_t b_row, float *c, int64_t c_row, bool adds) {
    for (int64_t column = 0; column < n; column += column_grain) {
        int64_t row = 0;
        for (; row + 8 <= m; row += 8) {
            product_tile<8>(k, a + row * a_row, a_row, a_column, b + column, b_row, c + row * c_row + column, c_row, adds);
        }
        for (; row + 3 <= m; row += 3) {
            product_tile<3>(k, a + row * a_row, a_row, a_column, b + column, b_row, c + row * c_row + column, c_row, adds);
        }
        for (; row < m; ++row) {
            product_tile<1>(k, a + row * a_row, a_row, a_column, b + column, b_row, c + row * c_row + column, c_row, adds);
        }
    }
}

TT_CLONES float softmax(float *row, int64_t count, float scale) {
#pragma clang fp reassociate(on)
    float largest = row[0];
    for (int64_t i = 1; i < count; ++i) largest = row[i] > largest ? row[i] : largest;
    float total = 0;
    for (int64_t i = 0; i < count; ++i) {
        row[i] = fast_exp((row[i] - largest) * scale);
        total += row[i];
    }
    const float inverse = 1.0f / total;
    for (int64_t i = 0; i < count; ++i) row[i] *= inverse;
    return largest * scale + std::log(total);
}

TT_CLONES float entropy(float *logits, int64_t count, int64_t target, float factor, uint16_t *gradient) {
#pragma clang fp reassociate(on)
    float largest = logits[0];
    for (int64_t i = 1; i < count; ++i) largest = logits[i] > largest ? logits[i] : largest;
    const float chosen = logits[target] - largest;
    float total = 0;
    for (int64_t i = 0; i < count; ++i) {
        logits[i] = fast_exp(logits[i] - largest);
        total += logits[i];
    }
    if (gradient) {
        const float scale = factor / total;
        logits[target] -= total;
        for (int64_t i = 0; i < count; ++i) gradient[i] = narrowed(logits[i] * scale);
    }
    return std::log(total) - chosen;
}

TT_CLONES void softmax_backward(float *weight, float *score, int64_t count, float scale, float sum, float projection) {
    for (int64_t i = 0; i < count; ++i) {
        const float p = fast_exp(weight[i] * scale - sum);
        weight[i] = p;
        score[i] = p * (score[i] - projection) * scale;
    }
}

TT_CLONES float dot(const float *a, const float *b, int64_t count) {
#pragma clang fp reassociate(on)
    float sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
    return sum;
}

TT_CLONES void add(const float *x, float *y, int64_t count) {
    for (int64_t i = 0; i < count; ++i) y[i] += x[i];
}

}  // namespace tt::kernels
