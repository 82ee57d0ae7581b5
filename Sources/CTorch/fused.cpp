// Elementwise layers that know their own gradient: RMSNorm, SwiGLU, RoPE.
//
// On the CPU the elementwise ones run the row kernels of kernels.cpp; elsewhere they are composed of ATen
// operations. Each is compared with a plain composition by the tests, forward and backward.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <vector>

#include "internal.hpp"
#include "kernels.hpp"

using tt::produce;
using tt::unwrap;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::Variable;
using torch::autograd::variable_list;

namespace {

bool has_row_kernel(const at::Tensor &x) {
    return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

// A row of a contiguous tensor as float32: the memory itself, or a widened copy in `scratch`.
const float *read_row(const at::Tensor &x, int64_t offset, int64_t count, std::vector<float> &scratch) {
    if (x.scalar_type() == at::kFloat) return x.const_data_ptr<float>() + offset;
    scratch.resize(static_cast<size_t>(count));
    tt::kernels::widen(reinterpret_cast<const uint16_t *>(x.const_data_ptr()) + offset, scratch.data(), count);
    return scratch.data();
}

// Where to write a row: the memory itself, or `scratch`, which `finish_row` narrows into place.
float *open_row(at::Tensor &y, int64_t offset, int64_t count, std::vector<float> &scratch) {
    if (y.scalar_type() == at::kFloat) return y.mutable_data_ptr<float>() + offset;
    scratch.resize(static_cast<size_t>(count));
    return scratch.data();
}

void finish_row(at::Tensor &y, int64_t offset, int64_t count, const std::vector<float> &scratch) {
    if (y.scalar_type() == at::kFloat) return;
    tt::kernels::narrow(scratch.data(), reinterpret_cast<uint16_t *>(y.mutable_data_ptr()) + offset, count);
}

// MARK: RMSNorm

struct RmsNorm : Function<RmsNorm> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &input, const at::Tensor &weight, double epsilon) {
        const auto x = input.contiguous();
        const auto w = weight.to(at::kFloat).contiguous();
        const int64_t width = x.size(-1);
        TORCH_CHECK(width > 0, "rms_norm: rows are empty");
        const int64_t rows = x.numel() / width;
        TORCH_CHECK(w.numel() == width, "rms_norm: weight holds ", w.numel(), " values, rows hold ", width);
        auto y = at::empty_like(x);
        auto inverse = at::empty({rows}, x.options().dtype(at::kFloat));
        if (has_row_kernel(x)) {
            float *r = inverse.mutable_data_ptr<float>();
            at::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) {
                std::vector<float> in, out;
                for (int64_t i = begin; i < end; ++i) {
                    float *row = open_row(y, i * width, width, out);
                    r[i] = tt::kernels::rms_norm(read_row(x, i * width, width, in), w.const_data_ptr<float>(), row, width,
                                                 static_cast<float>(epsilon));
                    finish_row(y, i * width, width, out);
                }
            });
        } else {
            const auto wide = x.to(at::kFloat).reshape({rows, width});
            inverse = at::rsqrt(wide.square().mean(-1) + epsilon);
            y = (wide * inverse.unsqueeze(-1) * w).to(x.scalar_type()).reshape(x.sizes());
        }
        context->save_for_backward({x, w, inverse});
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &x = saved[0], &w = saved[1], &inverse = saved[2];
        const auto g = gradients[0].contiguous();
        const int64_t width = x.size(-1), rows = x.numel() / width;
        auto dx = at::empty_like(x);
        if (has_row_kernel(x)) {
            const float *r = inverse.const_data_ptr<float>();
            at::parallel_for(0, rows, 16, [&](int64_t begin, int64_t end) {
                std::vector<float> in, upstream, out;
                for (int64_t i = begin; i < end; ++i) {
                    float *row = open_row(dx, i * width, width, out);
                    tt::kernels::rms_norm_backward(read_row(x, i * width, width, in), w.const_data_ptr<float>(),
                                                   read_row(g, i * width, width, upstream), row, width, r[i]);
                    finish_row(dx, i * width, width, out);
                }
            });
        } else {
            const auto wide = x.to(at::kFloat).reshape({rows, width});
            const auto gw = g.to(at::kFloat).reshape({rows, width}) * w;
            const auto r = inverse.unsqueeze(-1);
            dx = (r * gw - wide * r.pow(3) * (gw * wide).mean(-1, true)).to(x.scalar_type()).reshape(x.sizes());
        }
        at::Tensor dw;
        if (context->needs_input_grad(1)) {
            const auto normed = x.to(at::kFloat).reshape({rows, width}) * inverse.unsqueeze(-1);
            dw = normed.mul_(g.reshape({rows, width})).sum(0);
        }
        return {dx, dw, Variable()};
    }
};

// MARK: SwiGLU

constexpr int64_t block = 2048;

struct SiluMul : Function<SiluMul> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &gate_input, const at::Tensor &up_input) {
        const auto gate = gate_input.contiguous(), up = up_input.contiguous();
        TORCH_CHECK(gate.sizes() == up.sizes() && gate.scalar_type() == up.scalar_type(), "silu_mul: gate is ", gate.sizes(),
                    " of ", gate.scalar_type(), ", up is ", up.sizes(), " of ", up.scalar_type());
        context->save_for_backward({gate, up});
        if (!has_row_kernel(gate)) return at::silu(gate) * up;
        auto y = at::empty_like(gate);
        const int64_t total = gate.numel();
        at::parallel_for(0, (total + block - 1) / block, 4, [&](int64_t begin, int64_t end) {
            std::vector<float> first, second, out;
            for (int64_t i = begin; i < end; ++i) {
                const int64_t offset = i * block, count = std::min(block, total - offset);
                float *row = open_row(y, offset, count, out);
                tt::kernels::silu_mul(read_row(gate, offset, count, first), read_row(up, offset, count, second), row, count);
                finish_row(y, offset, count, out);
            }
        });
        return y;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        const auto &gate = saved[0], &up = saved[1];
        const auto g = gradients[0].contiguous();
        if (!has_row_kernel(gate)) {
            const auto s = at::sigmoid(gate);
            return {g * up * s * (1 + gate * (1 - s)), g * gate * s};
        }
        auto dgate = at::empty_like(gate), dup = at::empty_like(up);
        const int64_t total = gate.numel();
        at::parallel_for(0, (total + block - 1) / block, 4, [&](int64_t begin, int64_t end) {
            std::vector<float> first, second, upstream, out, other;
            for (int64_t i = begin; i < end; ++i) {
                const int64_t offset = i * block, count = std::min(block, total - offset);
                float *dg = open_row(dgate, offset, count, out), *du = open_row(dup, offset, count, other);
                tt::kernels::silu_mul_backward(read_row(gate, offset, count, first), read_row(up, offset, count, second),
                                               read_row(g, offset, count, upstream), dg, du, count);
                finish_row(dgate, offset, count, out);
                finish_row(dup, offset, count, other);
            }
        });
        return {dgate, dup};
    }
};

// MARK: RoPE

at::Tensor rotated(const at::Tensor &input, const at::Tensor &cosine, const at::Tensor &sine, float sign) {
    const auto x = input.contiguous();
    TORCH_CHECK(x.dim() == 3 && x.size(2) % 2 == 0, "rope: x is ", x.sizes(), ", must be [tokens, heads, even width]");
    const int64_t tokens = x.size(0), heads = x.size(1), half = x.size(2) / 2;
    const std::array<int64_t, 2> angles = {tokens, half};
    TORCH_CHECK(cosine.sizes().equals(angles) && sine.sizes().equals(angles), "rope: angles are ", cosine.sizes(), " and ", sine.sizes(),
                ", x is ", x.sizes());
    if (!has_row_kernel(x)) {
        const auto c = cosine.unsqueeze(1), s = sine.unsqueeze(1) * sign;
        const auto first = x.narrow(-1, 0, half).to(at::kFloat), second = x.narrow(-1, half, half).to(at::kFloat);
        return at::cat({first * c - second * s, second * c + first * s}, -1).to(x.scalar_type());
    }
    auto y = at::empty_like(x);
    const float *c = cosine.const_data_ptr<float>(), *s = sine.const_data_ptr<float>();
    const int64_t width = heads * half * 2;
    at::parallel_for(0, tokens, 16, [&](int64_t begin, int64_t end) {
        std::vector<float> in, out;
        for (int64_t t = begin; t < end; ++t) {
            const float *source = read_row(x, t * width, width, in);
            float *destination = open_row(y, t * width, width, out);
            for (int64_t h = 0; h < heads; ++h) {
                tt::kernels::rotate(source + h * half * 2, c + t * half, s + t * half, sign, destination + h * half * 2, half);
            }
            finish_row(y, t * width, width, out);
        }
    });
    return y;
}

struct Rope : Function<Rope> {
    static at::Tensor forward(AutogradContext *context, const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine) {
        const auto c = cosine.contiguous(), s = sine.contiguous();
        context->save_for_backward({c, s});
        return rotated(x, c, s, 1);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const auto saved = context->get_saved_variables();
        return {rotated(gradients[0], saved[0], saved[1], -1), Variable(), Variable()};
    }
};

}  // namespace

extern "C" {

tt_status tt_rms_norm(tt_tensor x, tt_tensor weight, double epsilon, tt_tensor *out) {
    return produce(out, [&] { return RmsNorm::apply(unwrap(x), unwrap(weight), epsilon); });
}

tt_status tt_silu_mul(tt_tensor gate, tt_tensor up, tt_tensor *out) {
    return produce(out, [&] { return SiluMul::apply(unwrap(gate), unwrap(up)); });
}

tt_status tt_rope(tt_tensor x, tt_tensor cosine, tt_tensor sine, tt_tensor *out) {
    return produce(out, [&] { return Rope::apply(unwrap(x), unwrap(cosine), unwrap(sine)); });
}

}  // extern "C"
