// 4-bit NormalFloat, as bitsandbytes lays it out: row-major blocks of 64 weights, each divided by its largest magnitude
// and rounded to the nearest of sixteen levels; two codes a byte, the first one in the upper half.
#include "nf4.hpp"

#include <ATen/Parallel.h>

#include "internal.hpp"

using tt::unwrap;

namespace {

// Quantiles of the normal distribution, so spread that 0 and both ends are among them (arXiv 2305.14314, appendix E).
constexpr float levels[16] = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};

template <typename Number>
void decode(const at::Tensor &codes, const at::Tensor &scales, at::Tensor &result) {
    const auto *bytes = codes.const_data_ptr<uint8_t>();
    const auto *scale = scales.const_data_ptr<float>();
    auto *values = result.mutable_data_ptr<Number>();
    const int64_t count = result.numel();
    at::parallel_for(0, scales.numel(), 1024, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            Number scaled[16];
            for (int code = 0; code < 16; ++code) scaled[code] = static_cast<Number>(levels[code] * scale[i]);
            const int64_t stop = std::min(count, (i + 1) * tt::nf4::block);
            for (int64_t j = i * tt::nf4::block; j < stop; j += 2) {
                values[j] = scaled[bytes[j / 2] >> 4];
                values[j + 1] = scaled[bytes[j / 2] & 15];
            }
        }
    });
}

}  // namespace

namespace tt::nf4 {

at::Tensor dequantize(const at::Tensor &codes, const at::Tensor &scales, at::ScalarType type) {
    const int64_t rows = codes.size(0), columns = codes.size(1) * 2;
    TORCH_CHECK(codes.scalar_type() == at::kByte && codes.is_contiguous() && scales.is_contiguous() &&
                    scales.numel() == (rows * columns + block - 1) / block,
                "nf4: codes are ", codes.sizes(), ", scales ", scales.sizes());
    if (codes.is_cpu() && (type == at::kFloat || type == at::kBFloat16)) {
        auto result = at::empty({rows, columns}, codes.options().dtype(type));
        if (type == at::kFloat) decode<float>(codes, scales, result);
        else decode<at::BFloat16>(codes, scales, result);
        return result;
    }
    const auto table = at::tensor(at::ArrayRef<float>(levels, 16)).to(codes.device());
    // Both weights of a byte at once: what is made on the way is several times as large as the weight.
    const auto pairs = at::stack({table.repeat_interleave(16), table.repeat({16})}, 1);
    const auto factors = scales.repeat_interleave(block / 2).narrow(0, 0, codes.numel());
    return pairs.index_select(0, codes.flatten().to(at::kInt)).mul_(factors.unsqueeze(1)).view({rows, columns}).to(type);
}

}  // namespace tt::nf4

extern "C" {

tt_status tt_nf4_quantize(tt_tensor weight, tt_tensor *codes, tt_tensor *scales) {
    return tt::guard([&] {
        at::NoGradGuard no_gradients;
        const auto &w = unwrap(weight);
        TORCH_CHECK(w.dim() == 2 && w.size(1) % 2 == 0, "nf4: the weight is ", w.sizes(), ", must have rows of an even length");
        const int64_t count = w.numel(), missing = (tt::nf4::block - count % tt::nf4::block) % tt::nf4::block;
        const auto blocks = at::constant_pad_nd(w.to(at::kFloat).flatten(), {0, missing}).view({-1, tt::nf4::block});
        const auto largest = blocks.abs().amax(1);
        const auto inverse = at::where(largest > 0, largest.reciprocal(), at::zeros_like(largest));
        const auto all = at::tensor(at::ArrayRef<float>(levels, 16)).to(w.device());
        // Between two levels the nearer one is taken, of two equally near ones the lower.
        const auto middles = (all.narrow(0, 0, 15) + all.narrow(0, 1, 15)) * 0.5;
        const auto pairs = at::bucketize((blocks * inverse.unsqueeze(1)).flatten().narrow(0, 0, count), middles, true)
                               .to(at::kByte)
                               .view({w.size(0), w.size(1) / 2, 2});
        const auto bytes = pairs.select(2, 0).mul(16).add_(pairs.select(2, 1));
        tt::give(bytes.contiguous(), codes);
        tt::give(largest, scales);
    });
}

tt_status tt_nf4_dequantize(tt_tensor codes, tt_tensor scales, tt_dtype dtype, tt_tensor *out) {
    return tt::produce(out, [&] { return tt::nf4::dequantize(unwrap(codes), unwrap(scales), tt::scalar_type(dtype)); });
}

}  // extern "C"
