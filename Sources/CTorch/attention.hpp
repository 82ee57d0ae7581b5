// What attention's two forms share: the rule by which a query sees keys, and how the sequences of a call lie.
#pragma once

#include <torch/custom_class.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "internal.hpp"
#include "kernels.hpp"

namespace tt::attention {

// Widths are whole groups of the row kernels' columns.
inline int64_t padded(int64_t count) { return (count + kernels::column_grain - 1) / kernels::column_grain * kernels::column_grain; }

struct Span {
    int64_t start, length;
};

// What a query sees of the keys, and what becomes of the product of the two.
struct Rule {
    float scale, soft_cap;
    int64_t window;
    bool causal;
    at::Tensor slopes;

    Rule(const tt_attention_rule &rule, const at::Tensor &q)
        : scale(rule.scale > 0 ? static_cast<float>(rule.scale) : 1.0f / std::sqrt(static_cast<float>(q.size(-1)))),
          soft_cap(static_cast<float>(rule.soft_cap)),
          window(rule.window > 0 ? rule.window : std::numeric_limits<int64_t>::max()), causal(rule.causal) {
        if (!rule.slopes) return;
        slopes = unwrap(rule.slopes).to(at::kFloat).contiguous();
        TORCH_CHECK(slopes.dim() == 1 && slopes.size(0) == q.size(1), "attention: slopes are ", slopes.sizes(), ", q is ", q.sizes());
    }

    bool is_plain() const { return soft_cap == 0 && !slopes.defined(); }
    // The first key that the query at `position` sees.
    int64_t first(int64_t position) const { return position >= window ? position - window + 1 : 0; }

    // Turns products of the query at `position` with keys `from` on into scores, as far as it takes more than a factor,
    // which is returned. `derivatives`, where given, receives those of the scores by the products.
    float apply(float *row, int64_t from, int64_t count, int64_t head, int64_t position, float *derivatives = nullptr) const {
        if (is_plain()) return scale;
        const float slope = slopes.defined() ? slopes.const_data_ptr<float>()[head] : 0;
        for (int64_t j = 0; j < count; ++j) {
            float score = row[j] * scale, derivative = scale;
            if (soft_cap > 0) {
                const float bent = std::tanh(score / soft_cap);
                score = soft_cap * bent;
                derivative *= 1 - bent * bent;
            }
            row[j] = score + slope * static_cast<float>(from + j - position);
            if (derivatives) derivatives[j] = derivative;
        }
        return 1;
    }
};

// The shapes of one call, and the sequences: the first is the trunk where there is one, of which each sees a beginning.
struct Layout : torch::CustomClassHolder {
    int64_t tokens, heads, pairs, size, width;
    std::vector<Span> spans;
    std::vector<int64_t> shared;
    Rule rule;

    Layout(const at::Tensor &q, const at::Tensor &k, std::vector<Span> sequences, std::vector<int64_t> shared_tokens, Rule how)
        : tokens(q.size(0)), heads(q.size(1)), pairs(k.size(1)), size(q.size(2)), width(padded(q.size(2))),
          spans(std::move(sequences)), shared(std::move(shared_tokens)), rule(std::move(how)) {}

    int64_t group() const { return heads / pairs; }
    // Tokens before a sequence's own that it attends to.
    int64_t before(size_t sequence) const { return shared.empty() ? 0 : shared[sequence]; }
    // Keys from 0 on that some query at a position below `end` sees.
    int64_t seen(size_t sequence, int64_t end) const {
        return rule.causal ? end : before(sequence) + spans[sequence].length;
    }
};

// The same as the kernels of attention.cpp in libtorch's operations: for other processors, devices and types.
at::Tensor composed(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const Layout &layout);
at::Tensor composed_cached(const at::Tensor &q, const at::Tensor &keys, const at::Tensor &values, const int64_t *lengths,
                           const Rule &rule);

}  // namespace tt::attention
