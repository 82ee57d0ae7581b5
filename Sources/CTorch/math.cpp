// Arithmetic and reductions.
#include "internal.hpp"
#include "kernels.hpp"

using tt::guard;
using tt::produce;
using tt::unwrap;

extern "C" {

tt_status tt_add(tt_tensor a, tt_tensor b, double alpha, tt_tensor *out) {
    return produce(out, [&] { return at::add(unwrap(a), unwrap(b), alpha); });
}

tt_status tt_mul(tt_tensor a, tt_tensor b, tt_tensor *out) {
    return produce(out, [&] { return at::mul(unwrap(a), unwrap(b)); });
}

tt_status tt_div(tt_tensor a, tt_tensor b, tt_tensor *out) {
    return produce(out, [&] { return at::div(unwrap(a), unwrap(b)); });
}

tt_status tt_scale(tt_tensor tensor, double factor, tt_tensor *out) {
    return produce(out, [&] { return at::mul(unwrap(tensor), factor); });
}

tt_status tt_add_scalar(tt_tensor tensor, double value, tt_tensor *out) {
    return produce(out, [&] { return at::add(unwrap(tensor), value); });
}

tt_status tt_unary(tt_unary_kind kind, tt_tensor tensor, tt_tensor *out) {
    return produce(out, [&] {
        const auto &x = unwrap(tensor);
        switch (kind) {
            case TT_EXP: return at::exp(x);
            case TT_SILU: return at::silu(x);
            case TT_GELU: return at::gelu(x);
            case TT_GELU_TANH: return at::gelu(x, "tanh");
            case TT_TANH: return at::tanh(x);
        }
        TORCH_CHECK_VALUE(false, "unknown unary operation ", static_cast<int>(kind));
    });
}

tt_status tt_add_in_place(tt_tensor tensor, tt_tensor other, double alpha) {
    return guard([&] {
        at::NoGradGuard no_gradients;
        unwrap(tensor).add_(unwrap(other), alpha);
    });
}

tt_status tt_scale_in_place(tt_tensor tensor, double factor) {
    return guard([&] {
        at::NoGradGuard no_gradients;
        unwrap(tensor).mul_(factor);
    });
}

tt_status tt_sum(tt_tensor tensor, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).sum(); });
}

tt_status tt_sum_dim(tt_tensor tensor, int64_t dim, bool keep, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).sum(dim, keep); });
}

tt_status tt_argmax(tt_tensor tensor, int64_t dim, tt_tensor *out) {
    return produce(out, [&] {
        const auto &x = unwrap(tensor);
        const bool rows = x.is_cpu() && x.dim() == 2 && x.is_contiguous() && x.numel() > 0 && (dim == 1 || dim == -1);
        // libtorch's own goes through a row one number at a time, which shows at the width of a vocabulary.
        if (!rows || x.scalar_type() != at::kBFloat16) return x.argmax(dim);
        auto result = at::empty({x.size(0)}, x.options().dtype(at::kLong));
        for (int64_t i = 0; i < x.size(0); ++i) {
            result.mutable_data_ptr<int64_t>()[i] =
                tt::kernels::argmax(static_cast<const uint16_t *>(x.const_data_ptr()) + i * x.size(1), x.size(1));
        }
        return result;
    });
}

tt_status tt_norm(tt_tensor tensor, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).norm(); });
}

tt_status tt_cholesky(tt_tensor matrix, tt_tensor *out) {
    return produce(out, [&] { return at::linalg_cholesky(unwrap(matrix)); });
}

tt_status tt_solve_lower(tt_tensor triangle, tt_tensor right, tt_tensor *out) {
    return produce(out, [&] { return at::linalg_solve_triangular(unwrap(triangle), unwrap(right), /*upper=*/false); });
}

}  // extern "C"
