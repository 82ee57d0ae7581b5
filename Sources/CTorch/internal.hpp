// What the files of CTorch share: the handle, the error guard, and the one table of dtypes and devices.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <atomic>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "ctorch.h"

struct tt_tensor_s {
    at::Tensor value;
};

namespace tt {

extern std::atomic<int64_t> live_handles;

void set_error(const char *message) noexcept;

// A call of this library that failed inside code of the caller's. It carries this thread's last message: with tensors of an
// accelerator the backward pass runs on a thread of libtorch's own, and what it throws is caught on another one.
struct Failure : std::runtime_error {
    tt_status status;
    explicit Failure(tt_status status) : std::runtime_error(tt_error_message()), status(status) {}
};

inline at::Tensor &unwrap(tt_tensor handle) { return handle->value; }

inline void give(at::Tensor value, tt_tensor *out) {
    *out = new tt_tensor_s{std::move(value)};
    live_handles.fetch_add(1, std::memory_order_relaxed);
}

inline at::ScalarType scalar_type(tt_dtype dtype) {
    switch (dtype) {
        case TT_FLOAT32: return at::kFloat;
        case TT_BFLOAT16: return at::kBFloat16;
        case TT_FLOAT16: return at::kHalf;
        case TT_FLOAT64: return at::kDouble;
        case TT_INT64: return at::kLong;
        case TT_BOOL: return at::kBool;
    }
    TORCH_CHECK_VALUE(false, "unknown dtype code ", static_cast<int>(dtype));
}

inline tt_dtype dtype_code(at::ScalarType type) {
    switch (type) {
        case at::kFloat: return TT_FLOAT32;
        case at::kBFloat16: return TT_BFLOAT16;
        case at::kHalf: return TT_FLOAT16;
        case at::kDouble: return TT_FLOAT64;
        case at::kLong: return TT_INT64;
        case at::kBool: return TT_BOOL;
        default: TORCH_CHECK_VALUE(false, "dtype ", type, " has no code in this library");
    }
}

inline at::Device to_device(tt_device device) {
    return device.kind == TT_CUDA ? at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device.index)) : at::Device(at::kCPU);
}

inline at::IntArrayRef sizes(const int64_t *shape, int32_t rank) {
    return at::IntArrayRef(shape, static_cast<size_t>(rank));
}

// Runs `body` and turns whatever it throws into a status. The only place where exceptions end.
template <typename Body>
tt_status guard(Body &&body) noexcept {
    try {
        body();
        return TT_OK;
    } catch (const Failure &failure) {
        set_error(failure.what());
        return failure.status;
    } catch (const c10::OutOfMemoryError &error) {
        set_error(error.what_without_backtrace());
        return TT_OUT_OF_MEMORY;
    } catch (const c10::NotImplementedError &error) {
        set_error(error.what_without_backtrace());
        return TT_UNSUPPORTED;
    } catch (const c10::AcceleratorError &error) {
        set_error(error.what_without_backtrace());
        return TT_DEVICE;
    } catch (const c10::Error &error) {
        // The CPU allocator reports exhaustion as a plain error; its text is the only mark it leaves.
        const char *message = error.what_without_backtrace();
        set_error(message);
        for (const char *mark : {"can't allocate memory", "not enough memory", "out of memory"}) {
            if (std::strstr(message, mark)) return TT_OUT_OF_MEMORY;
        }
        return TT_INVALID;
    } catch (const std::bad_alloc &) {
        set_error("not enough memory");
        return TT_OUT_OF_MEMORY;
    } catch (const std::exception &error) {
        set_error(error.what());
        return TT_INTERNAL;
    } catch (...) {
        set_error("unknown C++ exception");
        return TT_INTERNAL;
    }
}

// The common case: `body` makes one tensor.
template <typename Body>
tt_status produce(tt_tensor *out, Body &&body) noexcept {
    return guard([&] { give(body(), out); });
}

}  // namespace tt
