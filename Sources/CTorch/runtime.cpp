// Versions, errors, seeds, threads, devices, gradient mode.
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <algorithm>
#include <cstring>

#include "internal.hpp"
#include "panels.hpp"

namespace tt {

std::atomic<int64_t> live_handles{0};

namespace {
// A fixed buffer: reporting a lack of memory must not need memory.
thread_local char last_error[2048] = "";
}  // namespace

void set_error(const char *message) noexcept {
    std::strncpy(last_error, message, sizeof(last_error) - 1);
    last_error[sizeof(last_error) - 1] = '\0';
}

}  // namespace tt

extern "C" {

const char *tt_version(void) { return TORCH_VERSION; }
const char *tt_error_message(void) { return tt::last_error; }
int64_t tt_live_handles(void) { return tt::live_handles.load(std::memory_order_relaxed); }

tt_status tt_manual_seed(uint64_t seed) {
    return tt::guard([&] { at::manual_seed(seed); });
}

void tt_set_threads(int32_t count) {
    (void)tt::guard([&] { at::set_num_threads(std::max(count, 1)); });
}

int32_t tt_threads(void) { return at::get_num_threads(); }

int32_t tt_device_count(tt_device_kind kind) {
    if (kind == TT_CPU) return 1;
    int32_t count = 0;
    (void)tt::guard([&] { count = at::hasCUDA() ? static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()) : 0; });
    return count;
}

tt_status tt_device_peak(tt_device device, int64_t *bytes) {
    return tt::guard([&] {
        TORCH_CHECK_NOT_IMPLEMENTED(device.kind != TT_CPU, "main memory is the system's to count");
        const auto index = tt::to_device(device).index();
        at::accelerator::synchronizeDevice(index);
        const auto statistics = at::accelerator::getDeviceStats(index);
        *bytes = statistics.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
    });
}

bool tt_cpu_has_bfloat16(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") || __builtin_cpu_supports("amx-bf16");
#else
    return false;
#endif
}

bool tt_cpu_has_tiles(void) { return tt::gemm::has_tiles(); }

const char *tt_cpu_capability(void) {
    static const std::string name = at::get_cpu_capability();
    return name.c_str();
}

bool tt_gradients_enabled(void) { return at::GradMode::is_enabled(); }
void tt_set_gradients_enabled(bool enabled) { at::GradMode::set_enabled(enabled); }

}  // extern "C"
