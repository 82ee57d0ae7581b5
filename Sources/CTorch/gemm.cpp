// Products with packed weights; gemm.hpp says what each computes.
#include "gemm.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "panels.hpp"

namespace tt::gemm {

namespace {

constexpr int64_t full_width = 4 * lanes;
// Rows of the inner dimension that one pass reads of a panel, so that it stays in the second-level cache.
constexpr int64_t depth = 2048;

int64_t width_of(int64_t columns) { return std::min(full_width, (columns + lanes - 1) / lanes * lanes); }

}  // namespace

bool available() {
#if defined(__x86_64__)
    static const bool found = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    return found;
#else
    return false;
#endif
}

bool fits(int64_t inner, int64_t columns) { return available() && inner > 0 && inner % 2 == 0 && columns > 0; }

at::Tensor pack(const at::Tensor &weight, bool transposed, double scale) {
    TORCH_CHECK(weight.dim() == 2 && weight.is_cpu(), "pack: weight is ", weight.sizes(), ", must be a matrix on the CPU");
    auto source = transposed ? weight : weight.t();  // [inner, columns]
    if (scale != 1) source = source * scale;
    const int64_t inner = source.size(0), columns = source.size(1), width = width_of(columns);
    TORCH_CHECK(inner % 2 == 0, "pack: the inner size is ", inner, ", must be even");
    const int64_t panels = (columns + width - 1) / width;
    if (panels * width != columns) source = at::constant_pad_nd(source, {0, panels * width - columns});
    return source.to(at::kBFloat16).reshape({inner / 2, 2, panels, width}).permute({2, 0, 3, 1}).contiguous();
}

#if defined(__x86_64__)

namespace {

// Loops over sums are unrolled whole: an index that is known only at run time would keep them in memory.
#if defined(__clang__)
#define TT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TT_UNROLL _Pragma("GCC unroll 8")
#endif

// `Rows` rows times a panel of `Vectors` x 16 columns.
template <int Rows, int Vectors>
TT_BF16 void tile(const Operand *operands, int64_t count, int64_t row, const Output &output) {
    constexpr int64_t width = Vectors * lanes;
    __m512 sums[Rows][Vectors];
    TT_UNROLL for (int i = 0; i < Rows; ++i) {
        TT_UNROLL for (int j = 0; j < Vectors; ++j) {
            sums[i][j] = output.first ? _mm512_setzero_ps() : _mm512_loadu_ps(output.sums + (row + i) * width + j * lanes);
        }
    }
    for (int64_t o = 0; o < count; ++o) {
        const uint16_t *left = operands[o].left + row * operands[o].stride, *panel = operands[o].panel;
        const int64_t stride = operands[o].stride, inner = operands[o].inner;
        for (int64_t k = 0; k < inner; k += 2) {
            __m512bh right[Vectors];
            TT_UNROLL for (int j = 0; j < Vectors; ++j) {
                right[j] = (__m512bh)_mm512_loadu_si512(panel + k * width + j * 2 * lanes);
            }
            TT_UNROLL for (int i = 0; i < Rows; ++i) {
                int32_t pair;
                std::memcpy(&pair, left + i * stride + k, sizeof(pair));
                const auto broadcast = (__m512bh)_mm512_set1_epi32(pair);
                TT_UNROLL for (int j = 0; j < Vectors; ++j) sums[i][j] = _mm512_dpbf16_ps(sums[i][j], broadcast, right[j]);
            }
        }
    }
    if (!output.last) {
        TT_UNROLL for (int i = 0; i < Rows; ++i) {
            TT_UNROLL for (int j = 0; j < Vectors; ++j) {
                _mm512_storeu_ps(output.sums + (row + i) * width + j * lanes, sums[i][j]);
            }
        }
        return;
    }
    TT_UNROLL for (int j = 0; j < Vectors; ++j) {
        const __mmask16 mask = present(output, j * lanes);
        const __m512 bias = bias_at(output, j * lanes, mask);
        TT_UNROLL for (int i = 0; i < Rows; ++i) finish(output, row + i, j * lanes, mask, bias, sums[i][j]);
    }
}

template <int Vectors, int Rows>
TT_BF16 void some_rows(int64_t rows, const Operand *operands, int64_t count, int64_t row, const Output &output) {
    if constexpr (Rows > 0) {
        if (rows == Rows) return tile<Rows, Vectors>(operands, count, row, output);
        some_rows<Vectors, Rows - 1>(rows, operands, count, row, output);
    }
}

// All rows times one panel. 24 of the 32 vector registers hold sums where the panel is wide.
template <int Vectors>
TT_BF16 void panel_rows(const Operand *operands, int64_t count, int64_t rows, const Output &output) {
    constexpr int step = Vectors == 4 ? 6 : 8;
    int64_t row = 0;
    for (; row + step <= rows; row += step) tile<step, Vectors>(operands, count, row, output);
    some_rows<Vectors, step - 1>(rows - row, operands, count, row, output);
}

void panel_product(int64_t width, const Operand *operands, int64_t count, int64_t rows, const Output &output) {
    // For few rows, too: what a row gives must not depend on how many there are.
    if (has_tiles()) return tiled_product(width, operands, count, rows, output);
    switch (width / lanes) {
        case 1: return panel_rows<1>(operands, count, rows, output);
        case 2: return panel_rows<2>(operands, count, rows, output);
        case 3: return panel_rows<3>(operands, count, rows, output);
        default: return panel_rows<4>(operands, count, rows, output);
    }
}

const uint16_t *halves(const at::Tensor &x) { return static_cast<const uint16_t *>(x.const_data_ptr()); }

void product(const std::vector<Term> &terms, int64_t columns, const at::Tensor &bias, const at::Tensor &residual,
             at::Tensor &result) {
    const int64_t rows = result.size(0), width = width_of(columns), panels = (columns + width - 1) / width;
    for (const auto &[left, right] : terms) {
        TORCH_CHECK(left.dim() == 2 && left.stride(1) == 1 && left.scalar_type() == at::kBFloat16 && left.size(0) == rows &&
                        right.dim() == 4 && right.scalar_type() == at::kBFloat16 && right.is_contiguous() && right.size(0) == panels && right.size(1) * 2 == left.size(1) && right.size(2) == width,
                    "packed product: left ", left.sizes(), ", packed right ", right.sizes(), ", columns ", columns);
    }
    TORCH_CHECK(!bias.defined() || (bias.dim() == 1 && bias.size(0) == columns), "packed product: bias is ", bias.sizes(),
                ", columns are ", columns);
    const auto wide_bias = bias.defined() ? bias.to(at::kFloat).contiguous() : at::Tensor();
    const bool narrow = result.scalar_type() == at::kBFloat16;
    auto *data = static_cast<char *>(result.mutable_data_ptr());
    at::parallel_for(0, panels, std::max<int64_t>(1, (1 << 20) / std::max<int64_t>(1, rows * terms[0].left.size(1))),
                     [&](int64_t begin, int64_t end) {
        std::vector<Operand> operands(terms.size());
        std::vector<float> sums;
        for (int64_t panel = begin; panel < end; ++panel) {
            const int64_t start = panel * width;
            bool deep = false;
            for (size_t i = 0; i < terms.size(); ++i) {
                const int64_t inner = terms[i].left.size(1);
                operands[i] = {halves(terms[i].left), terms[i].left.stride(0), halves(terms[i].right) + panel * inner * width, inner,
                               panel + 1 < end ? inner * width : 0};
                deep = deep || inner > depth;
            }
            Output output = {nullptr, nullptr, columns, nullptr, nullptr, std::min(width, columns - start), nullptr, true, true};
            if (narrow) output.narrow = reinterpret_cast<uint16_t *>(data) + start;
            else output.wide = reinterpret_cast<float *>(data) + start;
            if (wide_bias.defined()) output.bias = wide_bias.const_data_ptr<float>() + start;
            if (residual.defined()) output.residual = halves(residual) + start;
            if (!deep) {
                panel_product(width, operands.data(), static_cast<int64_t>(operands.size()), rows, output);
                continue;
            }
            sums.resize(static_cast<size_t>(rows * width));
            output.sums = sums.data();
            for (size_t i = 0; i < operands.size(); ++i) {
                const Operand whole = operands[i];
                for (int64_t k = 0; k < whole.inner; k += depth) {
                    const int64_t count = std::min(depth, whole.inner - k), rest = whole.inner - k - count;
                    const Operand part = {whole.left + k, whole.stride, whole.panel + k * width, count,
                                          rest > 0 ? std::min(depth, rest) * width : std::min(depth * width, whole.ahead)};
                    output.last = i + 1 == operands.size() && k + depth >= whole.inner;
                    panel_product(width, &part, 1, rows, output);
                    output.first = false;
                }
            }
        }
    });
}

// sums[i][j] += left[t][i] * right[t][j] for 8 rows of the result and 32 columns.
TT_BF16 void outer_tile(const float *left, int64_t left_stride, const uint16_t *right, int64_t right_stride, int64_t count,
                        float *result, int64_t result_stride) {
    __m512 sums[8][2];
    for (int i = 0; i < 8; ++i)
        for (int j = 0; j < 2; ++j) sums[i][j] = _mm512_loadu_ps(result + i * result_stride + j * lanes);
    for (int64_t t = 0; t < count; ++t) {
        const auto *row = reinterpret_cast<const __m256i *>(right + t * right_stride);
        const __m512 first = widened(_mm256_loadu_si256(row)), second = widened(_mm256_loadu_si256(row + 1));
        for (int i = 0; i < 8; ++i) {
            const __m512 factor = _mm512_set1_ps(left[t * left_stride + i]);
            sums[i][0] = _mm512_fmadd_ps(factor, first, sums[i][0]);
            sums[i][1] = _mm512_fmadd_ps(factor, second, sums[i][1]);
        }
    }
    for (int i = 0; i < 8; ++i)
        for (int j = 0; j < 2; ++j) _mm512_storeu_ps(result + i * result_stride + j * lanes, sums[i][j]);
}

}  // namespace

at::Tensor multiply(const std::vector<Term> &terms, int64_t columns, const at::Tensor &bias, const at::Tensor &residual) {
    TORCH_CHECK(!terms.empty(), "packed product: there is no term");
    auto result = at::empty({terms[0].left.size(0), columns}, terms[0].left.options());
    TORCH_CHECK(!residual.defined() || (residual.sizes() == result.sizes() && residual.is_contiguous() && residual.scalar_type() == at::kBFloat16),
                "packed product: residual is ", residual.sizes(), ", the product is ", result.sizes());
    product(terms, columns, bias, residual, result);
    return result;
}

at::Tensor multiply_wide(const Term &term, int64_t columns) {
    auto result = at::empty({term.left.size(0), columns}, term.left.options().dtype(at::kFloat));
    product({term}, columns, {}, {}, result);
    return result;
}

at::Tensor outer(const at::Tensor &left, const at::Tensor &right, double scale) {
    TORCH_CHECK(left.dim() == 2 && right.dim() == 2 && left.size(0) == right.size(0), "outer: left ", left.sizes(), ", right ",
                right.sizes());
    const int64_t count = left.size(0), rows = left.size(1), columns = right.size(1);
    if (columns == 0 || columns % 32 != 0 || !right.is_contiguous() || right.scalar_type() != at::kBFloat16) {
        return at::mm(left.t(), right).to(at::kFloat).mul_(scale);
    }
    const int64_t padded = (rows + 7) / 8 * 8;
    auto factors = left.to(at::kFloat).mul(scale);
    if (padded != rows) factors = at::constant_pad_nd(factors, {0, padded - rows});
    factors = factors.contiguous();
    auto result = at::zeros({padded, columns}, factors.options());
    float *sums = result.mutable_data_ptr<float>();
    // So many rows of `right` stay in the second-level cache while every tile of the result passes over them.
    const int64_t block = std::max<int64_t>(16, (int64_t{256} << 10) / columns);
    for (int64_t start = 0; start < count; start += block) {
        const int64_t length = std::min(block, count - start);
        for (int64_t column = 0; column < columns; column += 32) {
            for (int64_t row = 0; row < padded; row += 8) {
                outer_tile(factors.const_data_ptr<float>() + start * padded + row, padded,
                           halves(right) + start * columns + column, columns, length, sums + row * columns + column, columns);
            }
        }
    }
    return result.narrow(0, 0, rows);
}

#else

at::Tensor multiply(const std::vector<Term> &, int64_t, const at::Tensor &, const at::Tensor &) {
    TORCH_CHECK(false, "packed products need AVX512-BF16");
}
at::Tensor multiply_wide(const Term &, int64_t) { TORCH_CHECK(false, "packed products need AVX512-BF16"); }
at::Tensor outer(const at::Tensor &left, const at::Tensor &right, double scale) {
    return at::mm(left.t(), right).to(at::kFloat).mul_(scale);
}

#endif

}  // namespace tt::gemm
