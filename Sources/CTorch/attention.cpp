// Attention over sequences laid one after another, with grouped queries, a shared beginning, and what model families
// add to a score: a window, a soft cap, a slope by distance.
//
// Rows of one batch often begin alike: the system prompt, an attack's template. The common beginning, the trunk, is then
// laid once, in front, and every sequence attends to as much of it as it shares, and to itself; its keys and values collect
// gradients from all of them, so the result is what the rows would give one by one. On the CPU a sequence and its key head are one task, small
// enough for the second-level cache, computed in float32. Elsewhere libtorch's attention is called, a sequence at a time.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

#include "attention.hpp"

using tt::attention::Layout;
using tt::attention::padded;
using tt::attention::Rule;
using tt::attention::Span;
using tt::produce;
using tt::unwrap;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::Variable;
using torch::autograd::variable_list;

namespace {

// Queries that are scored together.
constexpr int64_t query_block = 32;

// One head of some tokens of x [t, h, d] as float32 rows of `width`, the rest of each row zero.
void gather(const at::Tensor &x, int64_t head, Span span, int64_t size, int64_t width, float *rows) {
    const int64_t heads = x.size(1);
    for (int64_t i = 0; i < span.length; ++i) {
        const int64_t offset = ((span.start + i) * heads + head) * size;
        float *row = rows + i * width;
        if (x.scalar_type() == at::kFloat) {
            std::memcpy(row, x.const_data_ptr<float>() + offset, static_cast<size_t>(size) * sizeof(float));
        } else {
            tt::kernels::widen(static_cast<const uint16_t *>(x.const_data_ptr()) + offset, row, size);
        }
        std::fill(row + size, row + width, 0.0f);
    }
}

void scatter(const float *rows, at::Tensor &x, int64_t head, Span span, int64_t size, int64_t width) {
    const int64_t heads = x.size(1);
    for (int64_t i = 0; i < span.length; ++i) {
        const int64_t offset = ((span.start + i) * heads + head) * size;
        if (x.scalar_type() == at::kFloat) {
            std::memcpy(x.mutable_data_ptr<float>() + offset, rows + i * width, static_cast<size_t>(size) * sizeof(float));
        } else {
            tt::kernels::narrow(rows + i * width, static_cast<uint16_t *>(x.mutable_data_ptr()) + offset, size);
        }
    }
}

// rows [count, width] to columns [width, stride]; the columns from `count` on are zero.
void transpose(const float *rows, int64_t count, int64_t width, float *columns, int64_t stride) {
    for (int64_t j = 0; j < width; ++j) {
        for (int64_t i = 0; i < count; ++i) columns[j * stride + i] = rows[i * width + j];
        std::fill(columns + j * stride + count, columns + (j + 1) * stride, 0.0f);
    }
}

// Keys and values of one sequence and head: the trunk's in front of its own.
struct Memory {
    std::vector<float> keys, values, columns;

    void load(const Layout &layout, const at::Tensor &k, const at::Tensor &v, int64_t pair, size_t sequence) {
        const int64_t before = layout.before(sequence), width = layout.width;
        const Span own = layout.spans[sequence];
        const auto count = static_cast<size_t>((before + own.length) * width);
        keys.resize(count);
        values.resize(count);
        if (before > 0) {
            gather(k, pair, {0, before}, layout.size, width, keys.data());
            gather(v, pair, {0, before}, layout.size, width, values.data());
        }
        gather(k, pair, own, layout.size, width, keys.data() + before * width);
        gather(v, pair, own, layout.size, width, values.data() + before * width);
    }

    // One of the two, transposed.
    const float *transposed(const std::vector<float> &rows, int64_t width, int64_t stride) {
        columns.resize(static_cast<size_t>(width * stride));
        transpose(rows.data(), static_cast<int64_t>(rows.size()) / width, width, columns.data(), stride);
        return columns.data();
    }
};

void attend(const Layout &layout, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, at::Tensor &out, float *sums,
            size_t sequence, int64_t pair) {
    const int64_t width = layout.width, before = layout.before(sequence);
    const Span own = layout.spans[sequence];
    const int64_t stride = padded(before + own.length);
    Memory memory;
    memory.load(layout, k, v, pair, sequence);
    const float *keys = memory.transposed(memory.keys, width, stride);
    std::vector<float> queries(static_cast<size_t>(query_block * width)), mixed(queries.size()),
        scores(static_cast<size_t>(query_block * stride));
    for (int64_t head = pair * layout.group(); head < (pair + 1) * layout.group(); ++head) {
        for (int64_t first = 0; first < own.length; first += query_block) {
            const Span block = {own.start + first, std::min(query_block, own.length - first)};
            gather(q, head, block, layout.size, width, queries.data());
            const int64_t seen = layout.seen(sequence, before + first + block.length);
            tt::kernels::multiply(block.length, padded(seen), layout.size, queries.data(), width, 1, keys, stride, scores.data(),
                                  stride, false);
            for (int64_t i = 0; i < block.length; ++i) {
                float *row = scores.data() + i * stride;
                const int64_t position = before + first + i, from = layout.rule.first(position);
                const int64_t visible = layout.seen(sequence, position + 1);
                const float scale = layout.rule.apply(row + from, from, visible - from, head, position);
                sums[head * layout.tokens + block.start + i] = tt::kernels::softmax(row + from, visible - from, scale);
                std::fill(row, row + from, 0.0f);
                std::fill(row + visible, row + seen, 0.0f);
            }
            tt::kernels::multiply(block.length, width, seen, scores.data(), stride, 1, memory.values.data(), width, mixed.data(),
                                  width, false);
            scatter(mixed.data(), out, head, block, layout.size, width);
        }
    }
}

// Adds to dk and dv [t, width] of one key head, and writes dq.
void attend_backward(const Layout &layout, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &out,
                     const at::Tensor &dout, const float *sums, at::Tensor &dq, float *dk, float *dv, size_t sequence,
                     int64_t pair) {
    const int64_t width = layout.width, before = layout.before(sequence);
    const Span own = layout.spans[sequence];
    const int64_t length = before + own.length, stride = padded(length);
    Memory memory, other;
    memory.load(layout, k, v, pair, sequence);
    const float *keys = memory.transposed(memory.keys, width, stride);
    const float *values = other.transposed(memory.values, width, stride);
    std::vector<float> own_dk(static_cast<size_t>(length * width), 0.0f), own_dv(own_dk.size(), 0.0f);
    const auto block_size = static_cast<size_t>(query_block * width);
    std::vector<float> queries(block_size), answers(block_size), upstream(block_size), slopes(block_size),
        weights(static_cast<size_t>(query_block * stride)), scores(weights.size()), derivatives(static_cast<size_t>(stride));
    for (int64_t head = pair * layout.group(); head < (pair + 1) * layout.group(); ++head) {
        for (int64_t first = 0; first < own.length; first += query_block) {
            const Span block = {own.start + first, std::min(query_block, own.length - first)};
            gather(q, head, block, layout.size, width, queries.data());
            gather(out, head, block, layout.size, width, answers.data());
            gather(dout, head, block, layout.size, width, upstream.data());
            const int64_t seen = layout.seen(sequence, before + first + block.length);
            tt::kernels::multiply(block.length, padded(seen), layout.size, queries.data(), width, 1, keys, stride, weights.data(),
                                  stride, false);
            tt::kernels::multiply(block.length, padded(seen), layout.size, upstream.data(), width, 1, values, stride,
                                  scores.data(), stride, false);
            for (int64_t i = 0; i < block.length; ++i) {
                float *weight = weights.data() + i * stride, *score = scores.data() + i * stride;
                const int64_t position = before + first + i, from = layout.rule.first(position);
                const int64_t visible = layout.seen(sequence, position + 1), count = visible - from;
                const float scale = layout.rule.apply(weight + from, from, count, head, position, derivatives.data());
                tt::kernels::softmax_backward(weight + from, score + from, count, scale,
                                              sums[head * layout.tokens + block.start + i],
                                              tt::kernels::dot(answers.data() + i * width, upstream.data() + i * width, width));
                if (!layout.rule.is_plain()) {
                    for (int64_t j = 0; j < count; ++j) score[from + j] *= derivatives[static_cast<size_t>(j)];
                }
                for (float *row : {weight, score}) {
                    std::fill(row, row + from, 0.0f);
                    std::fill(row + visible, row + seen, 0.0f);
                }
            }
            tt::kernels::multiply(block.length, width, seen, scores.data(), stride, 1, memory.keys.data(), width, slopes.data(),
                                  width, false);
            scatter(slopes.data(), dq, head, block, layout.size, width);
            tt::kernels::multiply(seen, width, block.length, scores.data(), 1, stride, queries.data(), width, own_dk.data(), width,
                                  true);
            tt::kernels::multiply(seen, width, block.length, weights.data(), 1, stride, upstream.data(), width, own_dv.data(),
                                  width, true);
        }
    }
    for (int64_t i = 0; i < length; ++i) {
        const int64_t token = i < before ? i : own.start + i - before;
        tt::kernels::add(own_dk.data() + i * width, dk + token * width, width);
        tt::kernels::add(own_dv.data() + i * width, dv + token * width, width);
    }
}

struct PackedAttention : Function<PackedAttention> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
                              const c10::intrusive_ptr<Layout> &shared) {
        const Layout &layout = *shared;
        auto out = at::empty_like(q);
        auto sums = at::empty({layout.heads, layout.tokens}, q.options().dtype(at::kFloat));
        float *data = sums.mutable_data_ptr<float>();
        const auto tasks = static_cast<int64_t>(layout.spans.size()) * layout.pairs;
        at::parallel_for(0, tasks, 1, [&](int64_t begin, int64_t end) {
            for (int64_t task = begin; task < end; ++task) {
                attend(layout, q, k, v, out, data, static_cast<size_t>(task / layout.pairs), task % layout.pairs);
            }
        });
        context->save_for_backward({q, k, v, out, sums});
        context->saved_data["layout"] = c10::IValue::make_capsule(shared);
        return out;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3], &sums = saved[4];
        const auto shared = c10::static_intrusive_pointer_cast<Layout>(context->saved_data["layout"].toCapsule());
        const Layout &layout = *shared;
        const auto dout = gradients[0].contiguous();
        auto dq = at::empty_like(q), dk = at::empty_like(k), dv = at::empty_like(v);
        at::parallel_for(0, layout.pairs, 1, [&](int64_t begin, int64_t end) {
            const auto count = static_cast<size_t>(layout.tokens * layout.width);
            for (int64_t pair = begin; pair < end; ++pair) {
                std::vector<float> wide_dk(count, 0.0f), wide_dv(count, 0.0f);
                for (size_t sequence = 0; sequence < layout.spans.size(); ++sequence) {
                    attend_backward(layout, q, k, v, out, dout, sums.const_data_ptr<float>(), dq, wide_dk.data(), wide_dv.data(),
                                    sequence, pair);
                }
                scatter(wide_dk.data(), dk, pair, {0, layout.tokens}, layout.size, layout.width);
                scatter(wide_dv.data(), dv, pair, {0, layout.tokens}, layout.size, layout.width);
            }
        });
        return {dq, dk, dv, Variable()};
    }
};

// The query of every head of a group, the first of them `head`, over the keys and values from `from` on, `count` of them,
// which lie `stride` numbers apart; the query's own is the last.
template <typename Number, typename Read>
void attend_once(const Number *queries, const Number *keys, const Number *values, const Rule &rule, int64_t from, int64_t count,
                 int64_t stride, int64_t head, int64_t group, int64_t size, Read read, std::vector<float> &scratch, float *out) {
    const int64_t width = padded(size);
    scratch.assign(static_cast<size_t>((count + group) * width + group * count), 0.0f);
    float *rows = scratch.data(), *wide = rows + count * width, *scores = wide + group * width;
    for (int64_t i = 0; i < group; ++i) read(queries + i * size, wide + i * width, size);
    for (int64_t i = 0; i < count; ++i) read(keys + (from + i) * stride, rows + i * width, size);
    for (int64_t i = 0; i < group; ++i) {
        float *row = scores + i * count;
        for (int64_t j = 0; j < count; ++j) row[j] = tt::kernels::dot(wide + i * width, rows + j * width, width);
        const float scale = rule.apply(row, from, count, head + i, from + count - 1);
        tt::kernels::softmax(row, count, scale);
    }
    for (int64_t i = 0; i < count; ++i) read(values + (from + i) * stride, rows + i * width, size);
    tt::kernels::multiply(group, width, count, scores, count, 1, rows, width, out, width, false);
}

at::Tensor cached(const at::Tensor &q, const at::Tensor &keys, const at::Tensor &values, const int64_t *lengths,
                  const Rule &rule) {
    auto out = at::empty_like(q);
    const int64_t count = q.size(0), heads = q.size(1), size = q.size(2), pairs = keys.size(2), group = heads / pairs;
    const int64_t slot = keys.stride(0), stride = keys.stride(1), width = padded(size);
    at::parallel_for(0, count * pairs, 4, [&](int64_t begin, int64_t end) {
        std::vector<float> scratch, mixed(static_cast<size_t>(group * width));
        for (int64_t task = begin; task < end; ++task) {
            const int64_t row = task / pairs, pair = task % pairs, query = (row * heads + pair * group) * size;
            const int64_t memory = row * slot + pair * size, from = rule.first(lengths[row] - 1);
            const auto attend = [&](auto zero, auto read) {
                using Number = decltype(zero);
                attend_once(static_cast<const Number *>(q.const_data_ptr()) + query,
                            static_cast<const Number *>(keys.const_data_ptr()) + memory,
                            static_cast<const Number *>(values.const_data_ptr()) + memory, rule, from, lengths[row] - from, stride,
                            pair * group, group, size, read, scratch, mixed.data());
            };
            if (q.scalar_type() == at::kFloat) {
                attend(0.0f, [](const float *x, float *y, int64_t n) { std::memcpy(y, x, static_cast<size_t>(n) * sizeof(float)); });
            } else {
                attend(uint16_t{0}, tt::kernels::widen);
            }
            for (int64_t i = 0; i < group; ++i) {
                scatter(mixed.data() + i * width, out, pair * group + i, {row, 1}, size, width);
            }
        }
    });
    return out;
}

}  // namespace

extern "C" {

tt_status tt_cached_attention(tt_tensor q, tt_tensor keys, tt_tensor values, const int64_t *lengths, int32_t count,
                              const tt_attention_rule *how, tt_tensor *out) {
    return produce(out, [&] {
        at::NoGradGuard no_gradients;
        const auto query = unwrap(q).contiguous();
        const auto &k = unwrap(keys), &v = unwrap(values);
        TORCH_CHECK(query.dim() == 3 && query.size(0) == count && k.dim() == 4 && k.sizes() == v.sizes() && k.is_contiguous() &&
                        v.is_contiguous() && k.size(0) >= count && k.size(3) == query.size(2) && k.size(2) > 0 &&
                        query.size(1) % k.size(2) == 0,
                    "cached_attention: q is ", query.sizes(), ", keys ", k.sizes(), ", values ", v.sizes());
        for (int32_t i = 0; i < count; ++i) {
            TORCH_CHECK(lengths[i] > 0 && lengths[i] <= k.size(1), "cached_attention: a length is ", lengths[i], ", the capacity ",
                        k.size(1));
        }
        const Rule rule(*how, query);
        TORCH_CHECK(rule.causal, "cached_attention: the last token sees what came before it, and no other rule has a cache");
        const auto type = query.scalar_type();
        const bool fused = query.is_cpu() && (type == at::kFloat || type == at::kBFloat16) && k.scalar_type() == type &&
                           v.scalar_type() == type;
        if (fused) return cached(query, k, v, lengths, rule);
        return tt::attention::composed_cached(query, k, v, lengths, rule);
    });
}

tt_status tt_packed_attention(tt_tensor q, tt_tensor k, tt_tensor v, const int64_t *lengths, int32_t count,
                              const int64_t *shared, const tt_attention_rule *how, tt_tensor *out) {
    return produce(out, [&] {
        const auto query = unwrap(q).contiguous(), key = unwrap(k).contiguous(), value = unwrap(v).contiguous();
        TORCH_CHECK(query.dim() == 3 && key.dim() == 3 && key.sizes() == value.sizes() && query.size(0) == key.size(0) &&
                        query.size(2) == key.size(2) && key.size(1) > 0 && query.size(1) % key.size(1) == 0,
                    "packed_attention: q is ", query.sizes(), ", k ", key.sizes(), ", v ", value.sizes());
        std::vector<Span> spans;
        int64_t start = 0;
        for (int32_t i = 0; i < count; ++i) {
            TORCH_CHECK(lengths[i] >= 0, "packed_attention: a length is ", lengths[i]);
            spans.push_back({start, lengths[i]});
            start += lengths[i];
        }
        TORCH_CHECK(start == query.size(0), "packed_attention: lengths sum to ", start, ", tokens are ", query.size(0));
        std::vector<int64_t> beginnings;
        if (shared) beginnings.assign(shared, shared + count);
        for (int32_t i = 0; shared && i < count; ++i) {
            TORCH_CHECK(shared[i] >= 0 && shared[i] <= (i == 0 ? 0 : lengths[0]), "packed_attention: sequence ", i, " shares ",
                        shared[i], " tokens of the first, which has ", lengths[0]);
        }
        const auto layout = c10::make_intrusive<Layout>(query, key, std::move(spans), std::move(beginnings), Rule(*how, query));
        TORCH_CHECK(layout->rule.causal || !shared, "packed_attention: a shared beginning goes with causal attention");
        const auto type = query.scalar_type();
        const bool fused = query.is_cpu() && (type == at::kFloat || type == at::kBFloat16) && key.scalar_type() == type &&
                           value.scalar_type() == type;
        return fused ? PackedAttention::apply(query, key, value, layout) : tt::attention::composed(query, key, value, *layout);
    });
}

}  // extern "C"
