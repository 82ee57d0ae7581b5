// Main memory for tensors, kept for the next tensor of about the same size.
//
// A training step makes and frees some thousand tensors of some hundred kilobytes. The C library's allocator gives such
// pieces back to the system and takes them again, page by page: a seventh of the time of a step on a small model. Here a
// freed piece waits in a list for its size: sizes are rounded up to an eighth of a power of two, so that batches of
// differing lengths find each other's pieces. What waits is never more than what is in use plus a constant.
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <array>
#include <bit>
#include <cstddef>
#include <mutex>
#include <vector>

namespace {

// In front of every piece; as large as the alignment, so that the piece is aligned too.
struct alignas(64) Header {
    size_t kind;
};

// Sizes of kind k: (8 + k % 8) / 8 * 2^(k / 8 + 6).
constexpr size_t kinds = 8 * 40;

size_t kind_of(size_t size) {
    if (size <= 64) return 0;
    const size_t power = static_cast<size_t>(std::bit_width(size - 1)) - 1;
    const size_t eighth = size_t{1} << (power - 3);
    const size_t steps = (size - (size_t{1} << power) + eighth - 1) / eighth;
    return (power - 6) * 8 + steps;
}

size_t size_of(size_t kind) { return (8 + kind % 8) << (kind / 8 + 3); }

class CachingAllocator final : public at::Allocator {
  public:
    at::DataPtr allocate(size_t size) override {
        if (size == 0) return {nullptr, nullptr, &release, at::Device(at::DeviceType::CPU)};
        const size_t kind = kind_of(size);
        TORCH_CHECK(kind < kinds, "not enough memory: you tried to allocate ", size, " bytes");
        void *piece = take(kind);
        return {piece, piece, &release, at::Device(at::DeviceType::CPU)};
    }

    at::DeleterFnPtr raw_deleter() const override { return &release; }

    void copy_data(void *destination, const void *source, size_t count) const override {
        default_copy_data(destination, source, count);
    }

    static CachingAllocator &shared() {
        // Never destroyed: tensors of static lifetime may be freed after everything else.
        static auto *allocator = new CachingAllocator;
        return *allocator;
    }

  private:
    static void release(void *piece) {
        if (piece) shared().give_back(piece);
    }

    void *take(size_t kind) {
        const size_t size = size_of(kind);
        {
            const std::lock_guard lock(mutex);
            in_use += size;
            if (!waiting[kind].empty()) {
                void *piece = waiting[kind].back();
                waiting[kind].pop_back();
                kept -= size;
                return piece;
            }
        }
        void *base;
        try {
            base = c10::alloc_cpu(size + sizeof(Header));
        } catch (...) {
            empty();
            try {
                base = c10::alloc_cpu(size + sizeof(Header));
            } catch (...) {
                const std::lock_guard lock(mutex);
                in_use -= size;
                throw;
            }
        }
        static_cast<Header *>(base)->kind = kind;
        return static_cast<char *>(base) + sizeof(Header);
    }

    void give_back(void *piece) {
        const size_t kind = header(piece)->kind, size = size_of(kind);
        bool too_much;
        {
            const std::lock_guard lock(mutex);
            in_use -= size;
            kept += size;
            waiting[kind].push_back(piece);
            too_much = kept > in_use + reserve;
        }
        if (too_much) empty();
    }

    void empty() {
        std::array<std::vector<void *>, kinds> freed;
        {
            const std::lock_guard lock(mutex);
            std::swap(freed, waiting);
            kept = 0;
        }
        for (const auto &pieces : freed) {
            for (void *piece : pieces) c10::free_cpu(header(piece));
        }
    }

    static Header *header(void *piece) { return reinterpret_cast<Header *>(static_cast<char *>(piece) - sizeof(Header)); }

    static constexpr size_t reserve = size_t{256} << 20;
    std::mutex mutex;
    std::array<std::vector<void *>, kinds> waiting;
    size_t in_use = 0, kept = 0;
};

// libtorch asks for its allocator at every tensor, so it is in place before the first one.
const bool installed = [] {
    at::SetCPUAllocator(&CachingAllocator::shared(), 1);
    return true;
}();

}  // namespace
