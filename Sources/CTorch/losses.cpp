// Losses over a vocabulary, in chunks of rows, so that the logits are never whole.
//
// The gradients for the hidden states and, where the output head is trained, for what its weight was made from are made in
// the forward pass, while a chunk's logits are there. With a packed head (gemm.hpp) logits come out in float32 and go back in bfloat16 in one pass
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

    Head(const at::Tensor &weight, const at::Tensor &packed, const at::Tensor &packed_transposed, double soft_cap)
        : weight(weight), packed(packed), packed_transposed(packed_transposed), soft_cap(soft_cap) {}

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

    // From the gradient of a chunk's logits to that of its hidden states, in the weight's type; that of the weight is added to
    // `own`, float32, where it is defined.
    at::Tensor hidden_gradient(const at::Tensor &gradient, const at::Tensor &derivative, const at::Tensor &hidden,
                               at::Tensor &own) const {
        const auto narrow = (derivative.defined() ? gradient * derivative : gradient).to(weight.scalar_type());
        if (own.defined()) own.addmm_(narrow.to(at::kFloat).t(), hidden.to(at::kFloat));
        return packed_transposed.defined() ? tt::gemm::multiply({{narrow, packed_transposed}}, weight.size(1))
                                           : at::mm(narrow, weight);
    }
};

// Asked before `apply`: inside `forward` recording is off, and `needs_input_grad` throws where nothing is recorded.
bool wants_gradient(const at::Tensor &hidden) { return at::GradMode::is_enabled() && hidden.requires_grad(); }

// What the head's weight was made from, where it is trained.
std::optional<at::Tensor> trained(const tt_output_head &head) {
    return head.trained ? std::optional<at::Tensor>(unwrap(head.trained)) : std::nullopt;
}

// Where the gradient of a trained head is added up.
at::Tensor room(const std::optional<at::Tensor> &trained, bool wants_gradient) {
    return trained && wants_gradient ? at::zeros_like(*trained) : at::Tensor();
}

at::Tensor scaled(const at::Tensor &gradient, const at::Tensor &factor) {
    return gradient.defined() ? gradient * factor : at::Tensor();
}

// Cross-entropies of a chunk of rows, each by its own target, and the gradients of `factor * entropy` for the hidden states;
// those for the head are added to `own`.
struct Entropies {
    at::Tensor values, gradients;

    Entropies(const Head &head, const at::Tensor &hidden, const at::Tensor &targets, const at::Tensor &factors,
              bool wants_gradient, at::Tensor &own) {
        auto logits = head.logits(hidden);
        const auto derivative = wants_gradient ? head.cap_derivative(logits) : at::Tensor();
        at::Tensor slopes;
        if (head.packed.defined()) {
            if (wants_gradient) slopes = at::empty(logits.sizes(), hidden.options());
            values = at::empty({logits.size(0)}, logits.options());
            packed_rows(logits, targets.to(at::kLong).contiguous(), factors.to(at::kFloat).contiguous(), slopes);
        } else {
            const auto column = targets.unsqueeze(1);
            const auto log_sum = at::logsumexp(logits, 1, true);
            values = (log_sum - logits.gather(1, column)).squeeze(1);
            if (wants_gradient) {
                slopes = logits.sub_(log_sum).exp_();
                slopes.scatter_add_(1, column, at::full_like(column, -1, slopes.options()));
                slopes.mul_(factors.unsqueeze(1));
            }
        }
        if (wants_gradient) gradients = head.hidden_gradient(slopes, derivative, hidden, own);
    }

  private:
    // Overwrites the logits.
    void packed_rows(at::Tensor &logits, const at::Tensor &targets, const at::Tensor &factors, at::Tensor &slopes) {
        const int64_t rows = logits.size(0), columns = logits.size(1);
        const auto *id = targets.const_data_ptr<int64_t>();
        const auto *factor = factors.const_data_ptr<float>();
        float *data = logits.mutable_data_ptr<float>(), *entropies = values.mutable_data_ptr<float>();
        auto *slope = slopes.defined() ? static_cast<uint16_t *>(slopes.mutable_data_ptr()) : nullptr;
        for (int64_t i = 0; i < rows; ++i) {
            TORCH_CHECK_INDEX(id[i] >= 0 && id[i] < columns, "output head: a target is ", id[i], ", the vocabulary ", columns);
        }
        at::parallel_for(0, rows, 4, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                entropies[i] = tt::kernels::entropy(data + i * columns, columns, id[i], factor[i],
                                                    slope ? slope + i * columns : nullptr);
            }
        });
    }
};

struct LinearCrossEntropy : Function<LinearCrossEntropy> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &hidden_input, const std::optional<at::Tensor> &trained,
                              const Head &head, const at::Tensor &targets, const std::optional<at::Tensor> &row_weights,
                              bool wants_gradient) {
        const auto hidden = hidden_input.contiguous();
        const int64_t rows = hidden.size(0), chunk_rows = rows_of_chunk(hidden);
        TORCH_CHECK(targets.numel() == rows, "linear_cross_entropy: ", rows, " rows, ", targets.numel(), " targets");
        TORCH_CHECK(!row_weights || (row_weights->dim() == 1 && row_weights->size(0) == rows), "linear_cross_entropy: ", rows,
                    " rows, row weights are ", row_weights->sizes());
        const auto weights = row_weights.value_or(at::ones({rows}, hidden.options().dtype(at::kFloat)));
        auto dhidden = wants_gradient ? at::empty_like(hidden) : at::Tensor(), own = room(trained, wants_gradient);
        auto total = at::zeros({}, hidden.options().dtype(at::kFloat));
        for (int64_t start = 0; start < rows; start += chunk_rows) {
            const int64_t count = std::min(chunk_rows, rows - start);
            const auto factors = weights.narrow(0, start, count);
            const Entropies chunk(head, hidden.narrow(0, start, count), targets.narrow(0, start, count), factors,
                                  wants_gradient, own);
            total += (chunk.values * factors).sum();
            if (wants_gradient) dhidden.narrow(0, start, count).copy_(chunk.gradients);
        }
        if (wants_gradient) context->save_for_backward({dhidden, own});
        return total;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        return {saved[0] * gradients[0], scaled(saved[1], gradients[0]), Variable(), Variable(), Variable(), Variable()};
    }
};

// The same row by row and with the other sign: what follows may weigh the rows by anything, the other rows included. So the
// gradient of a trained head is made in the backward pass, from logits that are made again.
struct LinearLogProbability : Function<LinearLogProbability> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &hidden_input, const std::optional<at::Tensor> &trained,
                              const Head &head, const at::Tensor &targets, bool wants_gradient) {
        const auto hidden = hidden_input.contiguous();
        const int64_t rows = hidden.size(0);
        TORCH_CHECK(targets.numel() == rows, "linear_log_probability: ", rows, " rows, ", targets.numel(), " targets");
        auto result = at::empty({rows}, hidden.options().dtype(at::kFloat));
        at::Tensor none;
        const bool now = wants_gradient && !trained;
        const auto dhidden = walk(head, hidden, targets, at::full_like(result, -1), now, none, result);
        context->saved_data["cap"] = head.soft_cap;
        if (now) context->save_for_backward({dhidden});
        else if (wants_gradient) context->save_for_backward({hidden, targets, head.weight, head.packed, head.packed_transposed});
        return result.neg_();
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        at::Tensor dhidden, own;
        if (saved.size() == 1) {
            dhidden = (saved[0] * gradients[0].unsqueeze(1)).to(saved[0].scalar_type());
        } else {
            const Head head(saved[2], saved[3], saved[4], context->saved_data["cap"].toDouble());
            own = at::zeros(head.weight.sizes(), head.weight.options().dtype(at::kFloat));
            auto entropies = at::empty_like(gradients[0]);
            dhidden = walk(head, saved[0], saved[1], gradients[0].neg(), true, own, entropies);
        }
        return {dhidden, own, Variable(), Variable(), Variable()};
    }

  private:
    // Entropies of all rows, and the gradients of `factor * entropy` for the hidden states.
    static at::Tensor walk(const Head &head, const at::Tensor &hidden, const at::Tensor &targets, const at::Tensor &factors,
                           bool wants_gradient, at::Tensor &own, at::Tensor &entropies) {
        auto dhidden = wants_gradient ? at::empty_like(hidden) : at::Tensor();
        const int64_t rows = hidden.size(0), chunk_rows = rows_of_chunk(hidden);
        for (int64_t start = 0; start < rows; start += chunk_rows) {
            const int64_t count = std::min(chunk_rows, rows - start);
            const Entropies chunk(head, hidden.narrow(0, start, count), targets.narrow(0, start, count),
                                  factors.narrow(0, start, count), wants_gradient, own);
            entropies.narrow(0, start, count).copy_(chunk.values);
            if (wants_gradient) dhidden.narrow(0, start, count).copy_(chunk.gradients);
        }
        return dhidden;
    }
};

struct LinearDivergence : Function<LinearDivergence> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &hidden_input, const std::optional<at::Tensor> &trained,
                              const Head &head, const at::Tensor &reference_hidden, const Head &reference_head,
                              bool wants_gradient) {
        const auto hidden = hidden_input.contiguous(), anchor = reference_hidden.contiguous();
        const int64_t rows = hidden.size(0), chunk_rows = rows_of_chunk(hidden);
        TORCH_CHECK(anchor.size(0) == rows, "linear_divergence: ", rows, " rows, ", anchor.size(0), " reference rows");
        TORCH_CHECK(reference_head.vocabulary() == head.vocabulary(), "linear_divergence: vocabularies of ", head.vocabulary(),
                    " and ", reference_head.vocabulary());
        auto dhidden = wants_gradient ? at::empty_like(hidden) : at::Tensor(), own = room(trained, wants_gradient);
        auto total = at::zeros({}, hidden.options().dtype(at::kFloat));
        for (int64_t start = 0; start < rows; start += chunk_rows) {
            const int64_t count = std::min(chunk_rows, rows - start);
            const auto part = hidden.narrow(0, start, count);
            const auto logits = head.logits(part);
            const auto logs = at::log_softmax(logits, 1);
            const auto reference_logs = at::log_softmax(reference_head.logits(anchor.narrow(0, start, count)), 1);
            const auto reference = reference_logs.exp();
            total += (reference * (reference_logs - logs)).sum();
            if (wants_gradient) {
                dhidden.narrow(0, start, count)
                    .copy_(head.hidden_gradient(logs.exp().sub_(reference), head.cap_derivative(logits), part, own));
            }
        }
        if (wants_gradient) context->save_for_backward({dhidden, own});
        return total;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        return {saved[0] * gradients[0], scaled(saved[1], gradients[0]), Variable(), Variable(), Variable(), Variable()};
    }
};

}  // namespace

extern "C" {

tt_status tt_linear_cross_entropy(tt_tensor hidden, const tt_output_head *head, tt_tensor targets, tt_tensor row_weights,
                                  tt_tensor *out) {
    return produce(out, [&] {
        const auto weights = row_weights ? std::optional<at::Tensor>(unwrap(row_weights).detach()) : std::nullopt;
        return LinearCrossEntropy::apply(unwrap(hidden), trained(*head), Head(*head, unwrap(hidden)), unwrap(targets), weights,
                                         wants_gradient(unwrap(hidden)));
    });
}

tt_status tt_linear_divergence(tt_tensor hidden, const tt_output_head *head, tt_tensor reference_hidden,
                               const tt_output_head *reference_head, tt_tensor *out) {
    return produce(out, [&] {
        const auto reference = unwrap(reference_hidden).detach();
        return LinearDivergence::apply(unwrap(hidden), trained(*head), Head(*head, unwrap(hidden)), reference, Head(*reference_head, reference),
                                       wants_gradient(unwrap(hidden)));
    });
}

tt_status tt_linear_log_probability(tt_tensor hidden, const tt_output_head *head, tt_tensor targets, tt_tensor *out) {
    return produce(out, [&] {
        return LinearLogProbability::apply(unwrap(hidden), trained(*head), Head(*head, unwrap(hidden)), unwrap(targets),
                                           wants_gradient(unwrap(hidden)));
    });
}

}  // extern "C"
