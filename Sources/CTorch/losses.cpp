// Losses over a vocabulary, in chunks of rows, so that the logits are never whole.
//
// The gradient for the hidden states is made in the forward pass, while a chunk's logits are there; the output head is
// frozen and gets none. With a packed head (gemm.hpp) logits come out in float32 and go back in bfloat16 in one pass
// over each row; without one, the same is composed of ATen's operations.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "gemm.hpp"
#include "internal.hpp"
#include "kernels.hpp"

using tt::produce;
using tt::unwrap;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::Variable;
using torch::autograd::variable_list;

namespace {

// Rows of logits alive at once: 64 x 49,152 float32 values are 12.6 MB, which stay near the processor; a device wants larger
// products.
int64_t rows_of_chunk(const at::Tensor &hidden) { return hidden.is_cpu() ? 64 : 1024; }

// The output head [v, d], and the same packed both ways where it is.
struct Head {
    at::Tensor weight, packed, packed_transposed;
    double soft_cap;

    explicit Head(const tt_output_head &layer, const at::Tensor &hidden)
        : weight(unwrap(layer.weight).detach()), soft_cap(layer.soft_cap) {
        TORCH_CHECK(hidden.dim() == 2 && weight.dim() == 2 && hidden.size(1) == weight.size(1), "output head: hidden states are ",
                    hidden.sizes(), ", the head is ", weight.sizes());
        if (hidden.is_cpu() && hidden.scalar_type() == at::kBFloat16) {
            if (layer.packed) packed = unwrap(layer.packed);
            if (layer.packed_transposed) packed_transposed = unwrap(layer.packed_transposed);
        }
    }

    int64_t vocabulary() const { return weight.size(0); }

    // capped(h W^T) in float32
    at::Tensor logits(const at::Tensor &hidden) const {
        auto scores = packed.defined() ? tt::gemm::multiply_wide({hidden, packed}, vocabulary())
                                       : at::linear(hidden, weight).to(at::kFloat);
        return soft_cap > 0 ? scores.div_(soft_cap).tanh_().mul_(soft_cap) : scores;
    }

    // What `hidden_gradient` needs to know of the logits, which may be overwritten before it is called.
    at::Tensor cap_derivative(const at::Tensor &logits) const {
        return soft_cap > 0 ? 1 - (logits / soft_cap).square_() : at::Tensor();
    }

    // From the gradient of the logits to that of the hidden states, in the weight's type.
    at::Tensor hidden_gradient(const at::Tensor &gradient, const at::Tensor &derivative) const {
        const auto narrow = (derivative.defined() ? gradient * derivative : gradient).to(weight.scalar_type());
        return packed_transposed.defined() ? tt::gemm::multiply({{narrow, packed_transposed}}, weight.size(1))
                                           : at::mm(narrow, weight);
    }
};

// Asked before `apply`: inside `forward` recording is off, and `needs_input_grad` throws where nothing is recorded.
bool wants_gradient(const at::Tensor &hidden) { return at::GradMode::is_enabled() && hidden.requires_grad(); }

struct LinearCrossEntropy : Function<LinearCrossEntropy> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &hidden_input, const Head &head,
                              const at::Tensor &targets, const std::optional<at::Tensor> &row_weights, bool wants_gradient) {
        const auto hidden = hidden_input.contiguous();
        const int64_t rows = hidden.size(0), chunk_rows = rows_of_chunk(hidden);
        TORCH_CHECK(targets.numel() == rows, "linear_cross_entropy: ", rows, " rows, ", targets.numel(), " targets");
        TORCH_CHECK(!row_weights || (row_weights->dim() == 1 && row_weights->size(0) == rows), "linear_cross_entropy: ", rows,
                    " rows, row weights are ", row_weights->sizes());
        auto dhidden = wants_gradient ? at::empty_like(hidden) : at::Tensor();
        auto total = at::zeros({}, hidden.options().dtype(at::kFloat));
        for (int64_t start = 0; start < rows; start += chunk_rows) {
            const int64_t count = std::min(chunk_rows, rows - start);
            const auto target = targets.narrow(0, start, count);
            auto logits = head.logits(hidden.narrow(0, start, count));
            const auto weights = row_weights ? row_weights->narrow(0, start, count)
                                             : at::ones({count}, hidden.options().dtype(at::kFloat));
            const auto derivative = wants_gradient ? head.cap_derivative(logits) : at::Tensor();
            at::Tensor gradient;
            if (head.packed.defined()) {
                gradient = wants_gradient ? at::empty(logits.sizes(), hidden.options()) : at::Tensor();
                total += packed_rows(logits, target, weights, gradient);
            } else {
                const auto column = target.unsqueeze(1);
                const auto log_sum = at::logsumexp(logits, 1, true);
                total += ((log_sum - logits.gather(1, column)).squeeze(1) * weights).sum();
                if (wants_gradient) {
                    gradient = logits.sub_(log_sum).exp_();
                    gradient.scatter_add_(1, column, at::full_like(column, -1, gradient.options()));
                    gradient.mul_(weights.unsqueeze(1));
                }
            }
            if (wants_gradient) dhidden.narrow(0, start, count).copy_(head.hidden_gradient(gradient, derivative));
        }
        if (wants_gradient) context->save_for_backward({dhidden});
        return total;
    }

    // The weighed losses of a chunk of rows; the gradient of the logits where it is wanted.
    static float packed_rows(at::Tensor &logits, const at::Tensor &targets, const at::Tensor &weights, at::Tensor &gradient) {
        const int64_t rows = logits.size(0), columns = logits.size(1);
        const auto ids = targets.to(at::kLong).contiguous(), factors = weights.to(at::kFloat).contiguous();
        const auto *id = ids.const_data_ptr<int64_t>();
        const auto *factor = factors.const_data_ptr<float>();
        float *data = logits.mutable_data_ptr<float>();
        auto *slopes = gradient.defined() ? static_cast<uint16_t *>(gradient.mutable_data_ptr()) : nullptr;
        std::vector<float> losses(static_cast<size_t>(rows));
        for (int64_t i = 0; i < rows; ++i) {
            TORCH_CHECK_INDEX(id[i] >= 0 && id[i] < columns, "linear_cross_entropy: a target is ", id[i], ", the vocabulary ", columns);
        }
        at::parallel_for(0, rows, 4, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                losses[static_cast<size_t>(i)] = factor[i] * tt::kernels::entropy(data + i * columns, columns, id[i], factor[i],
                                                                                  slopes ? slopes + i * columns : nullptr);
            }
        });
        float sum = 0;
        for (const float loss : losses) sum += loss;
        return sum;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        return {context->get_saved_variables()[0] * gradients[0], Variable(), Variable(), Variable(), Variable()};
    }
};

struct LinearDivergence : Function<LinearDivergence> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &hidden_input, const Head &head,
                              const at::Tensor &reference_hidden, const Head &reference_head, bool wants_gradient) {
        const auto hidden = hidden_input.contiguous(), anchor = reference_hidden.contiguous();
        const int64_t rows = hidden.size(0), chunk_rows = rows_of_chunk(hidden);
        TORCH_CHECK(anchor.size(0) == rows, "linear_divergence: ", rows, " rows, ", anchor.size(0), " reference rows");
        TORCH_CHECK(reference_head.vocabulary() == head.vocabulary(), "linear_divergence: vocabularies of ", head.vocabulary(),
                    " and ", reference_head.vocabulary());
        auto dhidden = wants_gradient ? at::empty_like(hidden) : at::Tensor();
        auto total = at::zeros({}, hidden.options().dtype(at::kFloat));
        for (int64_t start = 0; start < rows; start += chunk_rows) {
            const int64_t count = std::min(chunk_rows, rows - start);
            const auto logits = head.logits(hidden.narrow(0, start, count));
            const auto logs = at::log_softmax(logits, 1);
            const auto reference_logs = at::log_softmax(reference_head.logits(anchor.narrow(0, start, count)), 1);
            const auto reference = reference_logs.exp();
            total += (reference * (reference_logs - logs)).sum();
            if (wants_gradient) {
                dhidden.narrow(0, start, count)
                    .copy_(head.hidden_gradient(logs.exp().sub_(reference), head.cap_derivative(logits)));
            }
        }
        if (wants_gradient) context->save_for_backward({dhidden});
        return total;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        return {context->get_saved_variables()[0] * gradients[0], Variable(), Variable(), Variable(), Variable()};
    }
};

}  // namespace

extern "C" {

tt_status tt_linear_cross_entropy(tt_tensor hidden, const tt_output_head *head, tt_tensor targets, tt_tensor row_weights,
                                  tt_tensor *out) {
    return produce(out, [&] {
        const auto weights = row_weights ? std::optional<at::Tensor>(unwrap(row_weights).detach()) : std::nullopt;
        return LinearCrossEntropy::apply(unwrap(hidden), Head(*head, unwrap(hidden)), unwrap(targets), weights,
                                         wants_gradient(unwrap(hidden)));
    });
}

tt_status tt_linear_divergence(tt_tensor hidden, const tt_output_head *head, tt_tensor reference_hidden,
                               const tt_output_head *reference_head, tt_tensor *out) {
    return produce(out, [&] {
        const auto reference = unwrap(reference_hidden).detach();
        return LinearDivergence::apply(unwrap(hidden), Head(*head, unwrap(hidden)), reference, Head(*reference_head, reference),
                                       wants_gradient(unwrap(hidden)));
    });
}

tt_status tt_linear_log_probability(tt_tensor hidden, const tt_output_head *head, tt_tensor targets, tt_tensor *out) {
    return produce(out, [&] {
        at::NoGradGuard no_gradients;
        const auto h = unwrap(hidden).contiguous();
        const auto &target = unwrap(targets);
        const Head own(*head, h);
        const int64_t rows = h.size(0), chunk_rows = rows_of_chunk(h);
        auto result = at::empty({rows}, h.options().dtype(at::kFloat));
        for (int64_t start = 0; start < rows; start += chunk_rows) {
            const int64_t count = std::min(chunk_rows, rows - start);
            const auto logits = own.logits(h.narrow(0, start, count));
            const auto chosen = logits.gather(1, target.narrow(0, start, count).unsqueeze(1)).squeeze(1);
            result.narrow(0, start, count).copy_(chosen - at::logsumexp(logits, 1));
        }
        return result;
    });
}

}  // extern "C"
