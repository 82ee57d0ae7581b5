// Attention in libtorch's operations, a sequence at a time where it has to be: for what has no kernels of our own.
#include <algorithm>

#include "attention.hpp"

namespace tt::attention {

namespace {

// Which keys the queries at positions `before` on see, and what is added to their scores: [h or 1, queries, keys]; nothing
// where libtorch's own causal mask says it.
std::optional<at::Tensor> mask(const Rule &rule, int64_t queries, int64_t before, int64_t keys, const at::TensorOptions &options) {
    const bool all_seen = keys <= rule.window;
    if (all_seen && !rule.slopes.defined() && (!rule.causal || before == 0)) return std::nullopt;
    const auto whole = at::TensorOptions().dtype(at::kLong).device(options.device());
    const auto distance = at::arange(keys, whole).unsqueeze(0) - at::arange(before, before + queries, whole).unsqueeze(1);
    auto seen = rule.causal ? distance.le(0) : at::ones_like(distance, at::kBool);
    if (!all_seen) seen = seen.logical_and(distance.gt(-rule.window));
    auto bias = at::zeros({1, queries, keys}, options);
    if (rule.slopes.defined()) {
        bias = (rule.slopes.to(options.device()).view({-1, 1, 1}) * distance.unsqueeze(0)).to(options.dtype());
    }
    return bias.masked_fill(seen.logical_not().unsqueeze(0), -std::numeric_limits<double>::infinity());
}

// q [h, l, d], k and v [hkv, m, d] to [h, l, d] in libtorch's operations.
at::Tensor composed_heads(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const Rule &rule, int64_t before) {
    const int64_t group = q.size(0) / k.size(0);
    const auto bias = mask(rule, q.size(1), before, k.size(1), q.options());
    const bool causal = rule.causal && !bias;
    const auto repeated = [&](const at::Tensor &x) { return group == 1 ? x : x.repeat_interleave(group, 0); };
    if (rule.soft_cap == 0) {
        // The kernels that take a mask want a key head for each head; without them every score would be in memory at once.
        const bool grouped = group != 1 && !bias;
        const auto keys = grouped ? k : repeated(k), values = grouped ? v : repeated(v);
        return at::scaled_dot_product_attention(q.unsqueeze(0), keys.unsqueeze(0), values.unsqueeze(0), bias, 0.0, causal,
                                                rule.scale, grouped)
            .squeeze(0);
    }
    auto scores = at::tanh(at::matmul(q, repeated(k).transpose(1, 2)) * (rule.scale / rule.soft_cap)) * rule.soft_cap;
    if (bias) scores = scores + *bias;
    if (causal) {
        const auto later = at::ones({q.size(1), k.size(1)}, q.options().dtype(at::kBool)).triu(1);
        scores = scores.masked_fill(later, -std::numeric_limits<double>::infinity());
    }
    return at::matmul(at::softmax(scores, -1), repeated(v));
}

// One query for each slot of a cache, in one operation: where every score is only scaled.
at::Tensor cached_together(const at::Tensor &q, const at::Tensor &keys, const at::Tensor &values, const int64_t *lengths,
                           const Rule &rule) {
    const int64_t count = q.size(0), longest = *std::max_element(lengths, lengths + count);
    // The queries that share a key head stand where a sequence's positions would: the keys are never repeated.
    const auto seen = [&](const at::Tensor &x) { return x.narrow(0, 0, count).narrow(1, 0, longest).transpose(1, 2); };
    const auto counts = at::tensor(at::IntArrayRef(lengths, static_cast<size_t>(count)), at::kLong).to(q.device());
    const auto filled = at::arange(longest, counts.options()).unsqueeze(0).lt(counts.unsqueeze(1)).view({count, 1, 1, longest});
    const auto grouped = q.view({count, keys.size(2), q.size(1) / keys.size(2), q.size(2)});
    return at::scaled_dot_product_attention(grouped, seen(keys), seen(values), filled, 0.0, false, rule.scale).reshape(q.sizes());
}

// With other rules, a sequence at a time.
at::Tensor cached_one_by_one(const at::Tensor &q, const at::Tensor &keys, const at::Tensor &values, const int64_t *lengths,
                           const Rule &rule) {
    std::vector<at::Tensor> rows;
    for (int64_t i = 0; i < q.size(0); ++i) {
        const int64_t length = lengths[i], from = rule.first(length - 1);
        // What lies before the window is left out, so the mask has nothing to hide and distances stay what they are.
        const auto seen = [&](const at::Tensor &x) { return x.select(0, i).narrow(0, from, length - from).transpose(0, 1); };
        rows.push_back(composed_heads(q.select(0, i).unsqueeze(1), seen(keys), seen(values), rule, length - from - 1).transpose(0, 1));
    }
    return at::cat(rows, 0);
}

}  // namespace

at::Tensor composed(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const Layout &layout) {
    if (layout.tokens == 0) return at::zeros_like(q);
    std::vector<at::Tensor> parts;
    for (size_t i = 0; i < layout.spans.size(); ++i) {
        const auto [start, length] = layout.spans[i];
        if (length == 0) continue;
        const int64_t before = layout.before(i);
        const auto own = [&](const at::Tensor &x) { return x.narrow(0, start, length); };
        const auto remembered = [&](const at::Tensor &x) {
            return (before == 0 ? own(x) : at::cat({x.narrow(0, 0, before), own(x)}, 0)).transpose(0, 1);
        };
        parts.push_back(composed_heads(own(q).transpose(0, 1), remembered(k), remembered(v), layout.rule, before).transpose(0, 1));
    }
    return at::cat(parts, 0);
}

at::Tensor composed_cached(const at::Tensor &q, const at::Tensor &keys, const at::Tensor &values, const int64_t *lengths,
                           const Rule &rule) {
    if (q.size(0) == 0) return at::empty_like(q);
    const bool hides_nothing = rule.window >= *std::max_element(lengths, lengths + q.size(0));
    return rule.is_plain() && hides_nothing ? cached_together(q, keys, values, lengths, rule)
                                            : cached_one_by_one(q, keys, values, lengths, rule);
}

}  // namespace tt::attention
