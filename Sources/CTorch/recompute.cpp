// Layers that are computed twice: in the forward pass nothing of them is kept but their input, and the backward pass runs
// them again to differentiate them (gradient checkpointing, arXiv 1604.06174).
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "internal.hpp"

using tt::unwrap;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::Variable;
using torch::autograd::variable_list;

namespace {

// The caller's code, given back when the last node that may run it is gone.
struct Body : torch::CustomClassHolder {
    tt_body run;
    void *context;
    void (*release)(void *);

    Body(tt_body run, void *context, void (*release)(void *)) : run(run), context(context), release(release) {}
    ~Body() override { release(context); }

    at::Tensor operator()(const at::Tensor &x) const {
        tt_tensor input = nullptr, output = nullptr;
        tt::give(x, &input);
        const auto status = run(context, input, &output);
        if (status != TT_OK) throw tt::Failure(status);
        auto result = unwrap(output);
        tt_release(output);
        return result;
    }
};

struct Recomputed : Function<Recomputed> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, at::TensorList parameters,
                              const c10::intrusive_ptr<Body> &body) {
        variable_list saved = {x};
        for (const auto &parameter : parameters) saved.push_back(parameter);
        context->save_for_backward(saved);
        context->saved_data["body"] = c10::IValue::make_capsule(body);
        return (*body)(x.detach());
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto body = c10::static_intrusive_pointer_cast<Body>(context->saved_data["body"].toCapsule());
        variable_list results(saved.size() + 1);
        if (!gradients[0].defined()) return results;
        at::AutoGradMode recording(true);
        const auto x = saved[0].detach();
        x.requires_grad_(context->needs_input_grad(0));
        std::vector<size_t> places;
        variable_list inputs;
        for (size_t i = 0; i < saved.size(); ++i) {
            if (!context->needs_input_grad(i)) continue;
            places.push_back(i);
            inputs.push_back(i == 0 ? x : saved[i]);
        }
        const auto y = (*body)(x);
        const auto found = torch::autograd::grad({y}, inputs, {gradients[0]}, std::nullopt, false, true);
        for (size_t i = 0; i < found.size(); ++i) results[places[i]] = found[i];
        return results;
    }
};

}  // namespace

extern "C" {

tt_status tt_recomputed(tt_tensor x, const tt_tensor *parameters, int32_t count, tt_body body, void *context,
                        void (*release)(void *), tt_tensor *out) {
    return tt::produce(out, [&] {
        const auto own = c10::make_intrusive<Body>(body, context, release);
        std::vector<at::Tensor> trained;
        for (int32_t i = 0; i < count; ++i) trained.push_back(unwrap(parameters[i]));
        return Recomputed::apply(unwrap(x), at::TensorList(trained), own);
    });
}

}  // extern "C"
