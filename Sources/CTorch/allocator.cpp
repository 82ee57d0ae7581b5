// Main memory for tensors, kept for the next tensor of about the same size.
//
// A training step makes and frees some thousand tensors of some hundred kilobytes. The C library's allocator gives such
// pieces back to the system and takes them again, page by page: a seventh of the time of a step on a small model. Here a
// freed piece waits in a list for its size: sizes are rounded up to an eighth of a power of two, so that batches of
// differing lengths find each other's pieces. What waits has a limit, and what is as large as a weight never waits.
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <array>
#include <bit>
#include <cstddef>
#include <mutex>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace {

// In front of every piece; as large as the alignment, so that the piece is aligned too.
struct alignas(64) Header {
    size_t kind;
    // The next piece that waits in the same list.
    Header *next;
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
            if (Header *piece = waiting[kind]) {
                waiting[kind] = piece->next;
                kept -= size;
                return piece + 1;
            }
        }
        void *base;
        try {
            base = c10::alloc_cpu(size + sizeof(Header));
        } catch (...) {
            empty();
            base = c10::alloc_cpu(size + sizeof(Header));
        }
        return new (base) Header{kind, nullptr} + 1;
    }

    // Called from destructors: nothing here allocates or throws.
    void give_back(void *data) {
        Header *piece = static_cast<Header *>(data) - 1;
        const size_t size = size_of(piece->kind);
        if (size > largest) return c10::free_cpu(piece);
        bool full;
        {
            const std::lock_guard lock(mutex);
            piece->next = waiting[piece->kind];
            waiting[piece->kind] = piece;
            kept += size;
            full = kept > limit;
        }
        if (full) empty();
    }

    void empty() {
        std::array<Header *, kinds> freed;
        {
            const std::lock_guard lock(mutex);
            freed = waiting;
            waiting.fill(nullptr);
            kept = 0;
        }
        for (Header *piece : freed) {
            while (piece) {
                Header *next = piece->next;
                c10::free_cpu(piece);
                piece = next;
            }
        }
#if defined(__GLIBC__)
        malloc_trim(0);
#endif
    }

    static constexpr size_t limit = size_t{768} << 20;
    static constexpr size_t largest = size_t{32} << 20;
    std::mutex mutex;
    std::array<Header *, kinds> waiting = {};
    size_t kept = 0;
};

// libtorch asks for its allocator at every tensor, so it is in place before the first one.
const bool installed = [] {
    at::SetCPUAllocator(&CachingAllocator::shared(), 1);
    return true;
}();

}  // namespace
