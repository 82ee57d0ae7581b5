// Plain layers, autograd, the optimiser.
#include <torch/csrc/autograd/autograd.h>

#include "internal.hpp"

using tt::guard;
using tt::produce;
using tt::unwrap;

namespace {

std::optional<at::Tensor> optional(tt_tensor handle) {
    return handle ? std::optional<at::Tensor>(unwrap(handle)) : std::nullopt;
}

std::vector<at::Tensor> list(const tt_tensor *items, int32_t count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(static_cast<size_t>(count));
    for (int32_t i = 0; i < count; ++i) tensors.push_back(unwrap(items[i]));
    return tensors;
}

}  // namespace

extern "C" {

tt_status tt_matmul(tt_tensor a, tt_tensor b, tt_tensor *out) {
    return produce(out, [&] { return at::matmul(unwrap(a), unwrap(b)); });
}

tt_status tt_embedding(tt_tensor weight, tt_tensor ids, tt_tensor *out) {
    return produce(out, [&] { return at::embedding(unwrap(weight), unwrap(ids)); });
}

tt_status tt_layer_norm(tt_tensor x, tt_tensor weight, tt_tensor bias, double epsilon, tt_tensor *out) {
    return produce(out, [&] {
        const auto &input = unwrap(x);
        return at::layer_norm(input, {input.size(-1)}, unwrap(weight).to(input.scalar_type()), optional(bias), epsilon);
    });
}

tt_status tt_log_softmax(tt_tensor tensor, int64_t dim, tt_tensor *out) {
    return produce(out, [&] { return at::log_softmax(unwrap(tensor), dim); });
}

tt_status tt_backward(tt_tensor loss) {
    return guard([&] { torch::autograd::backward({unwrap(loss)}, {}); });
}

tt_status tt_gradients(tt_tensor loss, const tt_tensor *inputs, int32_t count, tt_tensor *out) {
    return guard([&] {
        const auto gradients = torch::autograd::grad({unwrap(loss)}, list(inputs, count), {}, std::nullopt, false, true);
        for (size_t i = 0; i < gradients.size(); ++i) {
            out[i] = nullptr;
            if (gradients[i].defined()) tt::give(gradients[i], &out[i]);
        }
    });
}

tt_status tt_adamw(const tt_tensor *parameters, const tt_tensor *gradients, const tt_tensor *first_moments,
                   const tt_tensor *second_moments, int32_t count, int64_t step, double learning_rate, double beta1,
                   double beta2, double epsilon, double weight_decay) {
    return guard([&] {
        at::NoGradGuard no_gradients;
        if (count == 0) return;
        auto values = list(parameters, count), slopes = list(gradients, count);
        for (size_t i = 0; i < values.size(); ++i) {
            // The fused kernel walks raw memory and checks neither.
            TORCH_CHECK(values[i].sizes() == slopes[i].sizes() && values[i].is_contiguous(), "adamw: parameter ", i, " is ",
                        values[i].sizes(), ", must be contiguous; its gradient is ", slopes[i].sizes());
            slopes[i] = slopes[i].contiguous();
        }
        const auto counter = at::full({}, static_cast<double>(step), values[0].options());
        const std::vector<at::Tensor> steps(static_cast<size_t>(count), counter);
        at::_fused_adamw_(values, slopes, list(first_moments, count), list(second_moments, count), {}, steps,
                          learning_rate, beta1, beta2, weight_decay, epsilon, false, false);
    });
}

tt_status tt_global_norm(const tt_tensor *tensors, int32_t count, double *out) {
    return guard([&] {
        at::NoGradGuard no_gradients;
        double sum = 0;
        if (count == 0) {
            *out = 0;
            return;
        }
        // Brought over together: each transfer from a device waits for all it was asked to do.
        const auto norms = at::stack(at::_foreach_norm(list(tensors, count), 2)).to(at::kCPU, at::kDouble);
        for (int64_t i = 0; i < norms.numel(); ++i) {
            const double value = norms.const_data_ptr<double>()[i];
            sum += value * value;
        }
        *out = std::sqrt(sum);
    });
}

}  // extern "C"
