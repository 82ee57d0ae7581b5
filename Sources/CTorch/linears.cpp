// Linear layers on one input, forward and backward: weights that are frozen, each with or without a LoRA pair, or trained.
//
// Layers that read the same input (query, key and value; gate and up) are one operation: their LoRA matrices A are one
// product, and so is the gradient for the input. With packed weights (gemm.hpp) every sum of products is added up in
// registers; without them, which is the case on other processors, devices and types, ATen's products are used. A weight
// that is kept in four bits (nf4.hpp) is made whole for each product and forgotten after it. A trained weight is read like a
// frozen one; its gradient goes, in float32, to the tensor that it was made from.
#include <torch/csrc/autograd/custom_function.h>

#include <vector>

#include "gemm.hpp"
#include "internal.hpp"
#include "nf4.hpp"

using tt::unwrap;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::Variable;
using torch::autograd::variable_list;

namespace {

struct Layer {
    at::Tensor weight, scales, bias, packed, packed_transposed;
    bool adapted;
    double scale;
    bool trained, trained_bias;

    int64_t inputs() const { return weight.size(1) * (scales.defined() ? 2 : 1); }
    bool can_pack(bool for_gradients) const {
        if (scales.defined()) return tt::gemm::fits(inputs(), weight.size(0)) && tt::gemm::fits(weight.size(0), inputs());
        return packed.defined() && (!for_gradients || packed_transposed.defined());
    }
};

// What a product reads of a weight: it or its packed form as it lies there or, where there are scales, made from codes.
at::Tensor right_side(const at::Tensor &kept, const at::Tensor &scales, at::ScalarType type, bool packed, bool transposed) {
    if (!scales.defined()) return kept;
    const auto weight = tt::nf4::dequantize(kept, scales, type);
    return packed ? tt::gemm::pack(weight, transposed) : weight;
}

// x [t, in]; adapters a [r, in], b [out, r] of the adapted layers, then what weights [out, in] and biases [out] of the
// trained ones were made from, one after another, in float32.
struct Linears : Function<Linears> {
    static variable_list forward(AutogradContext *context, const at::Tensor &x, const std::optional<at::Tensor> &residual,
                                 at::TensorList adapters, at::TensorList trained,
                                 const std::shared_ptr<std::vector<Layer>> &layers, bool packed) {
        std::vector<at::Tensor> downs;
        for (size_t i = 0; i < adapters.size(); i += 2) downs.push_back(adapters[i]);
        at::Tensor down;
        if (!downs.empty()) {
            const auto a = at::cat(downs, 0);
            down = packed ? tt::gemm::multiply({{x, tt::gemm::pack(a, false)}}, a.size(0))
                          : at::linear(x, a.to(x.scalar_type()));
        }
        variable_list outputs;
        int64_t column = 0;
        size_t adapter = 0;
        for (const auto &layer : *layers) {
            const auto extra = residual.value_or(at::Tensor());
            if (packed) {
                const auto &kept = layer.scales.defined() ? layer.weight : layer.packed;
                std::vector<tt::gemm::Term> terms = {{x, right_side(kept, layer.scales, x.scalar_type(), true, false)}};
                if (layer.adapted) {
                    const auto &b = adapters[adapter + 1];
                    terms.push_back({down.narrow(1, column, b.size(1)), tt::gemm::pack(b, false, layer.scale)});
                }
                outputs.push_back(tt::gemm::multiply(terms, layer.weight.size(0), layer.bias, extra));
            } else {
                const auto weight = right_side(layer.weight, layer.scales, x.scalar_type(), false, false);
                auto y = at::linear(x, weight, layer.bias.defined() ? std::optional(layer.bias) : std::nullopt);
                if (layer.adapted) {
                    const auto &b = adapters[adapter + 1];
                    y.addmm_(down.narrow(1, column, b.size(1)), b.to(x.scalar_type()).t(), 1, layer.scale);
                }
                if (extra.defined()) y.add_(extra);
                outputs.push_back(y);
            }
            if (layer.adapted) {
                column += adapters[adapter + 1].size(1);
                adapter += 2;
            }
        }
        variable_list saved = {x, down};
        for (const auto &matrix : adapters) saved.push_back(matrix);
        for (const auto &layer : *layers) {
            saved.push_back(packed && !layer.scales.defined() ? layer.packed_transposed : layer.weight);
            saved.push_back(layer.scales);
        }
        context->save_for_backward(saved);
        context->saved_data["packed"] = packed;
        context->saved_data["residual"] = residual.has_value();
        context->saved_data["adapters"] = static_cast<int64_t>(adapters.size());
        context->saved_data["trained"] = static_cast<int64_t>(trained.size());
        std::vector<double> scales;
        std::vector<int64_t> trains;
        for (const auto &layer : *layers) {
            scales.push_back(layer.adapted ? layer.scale : 0);
            trains.push_back(layer.trained);
            trains.push_back(layer.trained_bias);
        }
        context->saved_data["scales"] = scales;
        context->saved_data["trains"] = trains;
        return outputs;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0], &down = saved[1];
        const bool packed = context->saved_data["packed"].toBool();
        const auto adapter_count = static_cast<size_t>(context->saved_data["adapters"].toInt());
        const auto scales = context->saved_data["scales"].toDoubleVector();
        const bool wants_input = context->needs_input_grad(0);
        const auto trains = context->saved_data["trains"].toIntVector();
        variable_list results(2 + adapter_count + static_cast<size_t>(context->saved_data["trained"].toInt()) + 2);
        std::vector<tt::gemm::Term> terms;
        at::Tensor dx;
        int64_t column = 0;
        size_t adapter = 0, own = 2 + adapter_count;
        for (size_t i = 0; i < scales.size(); ++i) {
            const bool trained = trains[2 * i], trained_bias = trains[2 * i + 1];
            const auto &kept = saved[2 + adapter_count + 2 * i], &block_scales = saved[3 + adapter_count + 2 * i];
            const bool adapted = scales[i] != 0;
            const at::Tensor *a = adapted ? &saved[2 + adapter] : nullptr, *b = adapted ? &saved[3 + adapter] : nullptr;
            if (gradients[i].defined()) {
                const auto dy = gradients[i].contiguous();
                if (wants_input) {
                    const auto weight = right_side(kept, block_scales, dy.scalar_type(), packed, true);
                    if (packed) terms.push_back({dy, weight});
                    else if (dx.defined()) dx.addmm_(dy, weight);
                    else dx = at::mm(dy, weight);
                }
                if (adapted) {
                    const auto rank = b->size(1);
                    const auto up = packed ? tt::gemm::multiply({{dy, tt::gemm::pack(*b, true, scales[i])}}, rank)
                                           : at::mm(dy, b->to(dy.scalar_type())).mul_(scales[i]);
                    if (wants_input) {
                        if (packed) terms.push_back({up, tt::gemm::pack(*a, true)});
                        else dx.addmm_(up, a->to(dy.scalar_type()));
                    }
                    const auto low = down.narrow(1, column, rank);
                    results[2 + adapter] = packed ? tt::gemm::outer(up, x, 1) : at::mm(up.t(), x).to(at::kFloat);
                    results[3 + adapter] = packed ? tt::gemm::outer(low, dy, scales[i]).t().contiguous()
                                                  : at::mm(dy.t(), low).to(at::kFloat).mul_(scales[i]);
                }
                if (trained) results[own] = packed ? tt::gemm::outer(dy, x, 1) : at::mm(dy.t(), x).to(at::kFloat);
                if (trained_bias) results[own + trained] = dy.sum(0, false, at::kFloat);
            }
            if (adapted) {
                column += b->size(1);
                adapter += 2;
            }
            own += static_cast<size_t>(trained) + static_cast<size_t>(trained_bias);
        }
        if (packed && !terms.empty()) dx = tt::gemm::multiply(terms, x.size(1));
        results[0] = dx;
        if (context->saved_data["residual"].toBool()) results[1] = gradients[0];
        return results;
    }
};

at::Tensor optional(tt_tensor handle) { return handle ? unwrap(handle) : at::Tensor(); }

}  // namespace

extern "C" {

tt_status tt_pack_weight(tt_tensor weight, bool transposed, tt_tensor *out) {
    return tt::guard([&] {
        const auto &w = unwrap(weight);
        const int64_t inner = w.size(transposed ? 0 : 1), columns = w.size(transposed ? 1 : 0);
        *out = nullptr;
        if (!w.is_cpu() || w.scalar_type() != at::kBFloat16 || !tt::gemm::fits(inner, columns)) return;
        at::NoGradGuard no_gradients;
        tt::give(tt::gemm::pack(w, transposed), out);
    });
}

tt_status tt_linears(tt_tensor input, tt_tensor residual, const tt_linear_layer *items, int32_t count, tt_tensor *out) {
    return tt::guard([&] {
        const auto x = unwrap(input).contiguous();
        TORCH_CHECK(x.dim() == 2, "linears: x is ", x.sizes(), ", must be [tokens, width]");
        TORCH_CHECK(!residual || count == 1, "linears: a residual goes with one layer");
        const auto layers = std::make_shared<std::vector<Layer>>();
        std::vector<at::Tensor> adapters, trained;
        const bool records = at::GradMode::is_enabled();
        bool packed = x.scalar_type() == at::kBFloat16 && x.is_cpu();
        for (int32_t i = 0; i < count; ++i) {
            const auto &item = items[i];
            layers->push_back({unwrap(item.weight), optional(item.scales), optional(item.bias), optional(item.packed), optional(item.packed_transposed),
                               item.a != nullptr, item.scale, item.trained != nullptr, item.trained_bias != nullptr});
            const auto &layer = layers->back();
            TORCH_CHECK(layer.weight.dim() == 2 && layer.inputs() == x.size(1), "linears: x is ", x.sizes(),
                        ", weight ", layer.weight.sizes());
            if (item.a) {
                const auto &a = unwrap(item.a), &b = unwrap(item.b);
                TORCH_CHECK(a.dim() == 2 && b.dim() == 2 && a.size(1) == x.size(1) && b.size(0) == layer.weight.size(0) &&
                                a.size(0) == b.size(1),
                            "linears: weight is ", layer.weight.sizes(), ", a ", a.sizes(), ", b ", b.sizes());
                TORCH_CHECK(item.scale != 0, "linears: the scale of a pair is 0");
                adapters.push_back(a);
                adapters.push_back(b);
                packed = packed && tt::gemm::fits(a.size(0), b.size(0)) && b.size(0) % 2 == 0;
            }
            if (item.trained) {
                trained.push_back(unwrap(item.trained));
                TORCH_CHECK(trained.back().sizes() == layer.weight.sizes(), "linears: weight is ", layer.weight.sizes(),
                            ", it is trained in ", trained.back().sizes());
            }
            if (item.trained_bias) trained.push_back(unwrap(item.trained_bias));
            packed = packed && layer.can_pack(records);
        }
        const auto extra = residual ? std::optional<at::Tensor>(unwrap(residual).contiguous()) : std::nullopt;
        packed = packed && (!extra || extra->scalar_type() == at::kBFloat16);
        const auto outputs = Linears::apply(x, extra, at::TensorList(adapters), at::TensorList(trained), layers, packed);
        for (int32_t i = 0; i < count; ++i) tt::give(outputs[static_cast<size_t>(i)], &out[i]);
    });
}

}  // extern "C"
