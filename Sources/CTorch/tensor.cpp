// Handles, creation, and moving data about.
#include <ATen/CPUGeneratorImpl.h>

#include <cstring>

#include "internal.hpp"

using tt::guard;
using tt::produce;
using tt::unwrap;

extern "C" {

// MARK: Handles

void tt_release(tt_tensor tensor) {
    tt::live_handles.fetch_sub(1, std::memory_order_relaxed);
    delete tensor;
}

tt_status tt_share(tt_tensor tensor, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor); });
}

int32_t tt_rank(tt_tensor tensor) { return static_cast<int32_t>(unwrap(tensor).dim()); }

void tt_shape(tt_tensor tensor, int64_t *sizes) {
    const auto shape = unwrap(tensor).sizes();
    std::copy(shape.begin(), shape.end(), sizes);
}

tt_dtype tt_get_dtype(tt_tensor tensor) {
    tt_dtype code = TT_FLOAT32;
    (void)guard([&] { code = tt::dtype_code(unwrap(tensor).scalar_type()); });
    return code;
}

tt_device tt_get_device(tt_tensor tensor) {
    const auto device = unwrap(tensor).device();
    return device.is_cuda() ? tt_device{TT_CUDA, device.index()} : tt_device{TT_CPU, 0};
}

bool tt_requires_grad(tt_tensor tensor) { return unwrap(tensor).requires_grad(); }

tt_status tt_set_requires_grad(tt_tensor tensor, bool required) {
    return guard([&] { unwrap(tensor).requires_grad_(required); });
}

tt_status tt_grad(tt_tensor tensor, tt_tensor *out) {
    return guard([&] {
        const auto &gradient = unwrap(tensor).grad();
        if (gradient.defined()) {
            tt::give(gradient, out);
        } else {
            *out = nullptr;
        }
    });
}

tt_status tt_clear_grad(tt_tensor tensor) {
    return guard([&] { unwrap(tensor).mutable_grad() = at::Tensor(); });
}

tt_status tt_item(tt_tensor tensor, double *out) {
    return guard([&] { *out = unwrap(tensor).item().toDouble(); });
}

tt_status tt_copy_out(tt_tensor tensor, void *destination, int64_t bytes) {
    return guard([&] {
        const auto source = unwrap(tensor).detach().to(at::kCPU).contiguous();
        TORCH_CHECK_VALUE(static_cast<int64_t>(source.nbytes()) == bytes, "tensor holds ", source.nbytes(),
                          " bytes, the destination ", bytes);
        std::memcpy(destination, source.const_data_ptr(), source.nbytes());
    });
}

// MARK: Creation

tt_status tt_from_bytes(const void *bytes, const int64_t *shape, int32_t rank, tt_dtype dtype, tt_device device,
                        tt_tensor *out) {
    return produce(out, [&] {
        auto host = at::empty(tt::sizes(shape, rank), at::TensorOptions(tt::scalar_type(dtype)));
        if (host.nbytes() > 0) std::memcpy(host.mutable_data_ptr(), bytes, host.nbytes());
        return host.to(tt::to_device(device));
    });
}

tt_status tt_full(double value, const int64_t *shape, int32_t rank, tt_dtype dtype, tt_device device, tt_tensor *out) {
    return produce(out, [&] {
        return at::full(tt::sizes(shape, rank), value, at::TensorOptions(tt::scalar_type(dtype)).device(tt::to_device(device)));
    });
}

tt_status tt_uniform(double low, double high, uint64_t seed, const int64_t *shape, int32_t rank, tt_device device,
                     tt_tensor *out) {
    // Drawn on the CPU whatever the device, so that one seed means one start everywhere.
    return produce(out, [&] {
        auto generator = at::detail::createCPUGenerator(seed);
        return at::empty(tt::sizes(shape, rank), at::kFloat).uniform_(low, high, generator).to(tt::to_device(device));
    });
}

tt_status tt_normal(double deviation, const int64_t *shape, int32_t rank, tt_dtype dtype, tt_device device, tt_tensor *out) {
    return produce(out, [&] {
        return at::empty(tt::sizes(shape, rank), at::TensorOptions(tt::scalar_type(dtype)).device(tt::to_device(device)))
            .normal_(0, deviation);
    });
}

// MARK: Shape and movement

tt_status tt_to(tt_tensor tensor, tt_dtype dtype, tt_device device, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).to(tt::to_device(device), tt::scalar_type(dtype)); });
}

tt_status tt_contiguous(tt_tensor tensor, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).contiguous(); });
}

tt_status tt_clone(tt_tensor tensor, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).clone(); });
}

tt_status tt_detach(tt_tensor tensor, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).detach(); });
}

tt_status tt_reshape(tt_tensor tensor, const int64_t *shape, int32_t rank, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).reshape(tt::sizes(shape, rank)); });
}

tt_status tt_transpose(tt_tensor tensor, int64_t first, int64_t second, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).transpose(first, second); });
}

tt_status tt_unsqueeze(tt_tensor tensor, int64_t dim, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).unsqueeze(dim); });
}

tt_status tt_narrow(tt_tensor tensor, int64_t dim, int64_t start, int64_t length, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).narrow(dim, start, length); });
}

tt_status tt_cat(const tt_tensor *items, int32_t count, int64_t dim, tt_tensor *out) {
    return produce(out, [&] {
        std::vector<at::Tensor> tensors;
        for (int32_t i = 0; i < count; ++i) tensors.push_back(unwrap(items[i]));
        return at::cat(tensors, dim);
    });
}

tt_status tt_index_select(tt_tensor tensor, int64_t dim, tt_tensor index, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).index_select(dim, unwrap(index)); });
}

tt_status tt_gather(tt_tensor tensor, int64_t dim, tt_tensor index, tt_tensor *out) {
    return produce(out, [&] { return unwrap(tensor).gather(dim, unwrap(index)); });
}

tt_status tt_copy_in(tt_tensor tensor, tt_tensor source) {
    return guard([&] {
        at::NoGradGuard no_gradients;
        unwrap(tensor).copy_(unwrap(source));
    });
}

tt_status tt_put(tt_tensor tensor, tt_tensor rows, tt_tensor columns, tt_tensor source) {
    return guard([&] {
        at::NoGradGuard no_gradients;
        unwrap(tensor).index_put_({unwrap(rows), unwrap(columns)}, unwrap(source));
    });
}

}  // extern "C"
