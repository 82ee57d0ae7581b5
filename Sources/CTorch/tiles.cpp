// Products with packed weights in tiles (Intel's AMX): the same panels as in gemm.cpp, 16 rows and 16 columns at a time.
//
// A panel's pairs of rows lie as a right tile wants them: 16 pairs, 16 columns. Two left tiles and two right ones make four
// tiles of sums, so that each is read for two products. The last rows make tiles of fewer rows.
#include "panels.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#define TT_TILES __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16")))
#endif

namespace tt::gemm {

#if defined(__x86_64__) && defined(__linux__)

namespace {

constexpr int64_t side = 16;
// What a tile holds of the inner dimension.
constexpr int64_t tile_inner = 32;
constexpr int64_t most_columns = 64;
// Bytes that a cache holds together.
constexpr int64_t line = 64;

struct alignas(64) Configuration {
    uint8_t palette = 1, start = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};

    // Tiles 0 to 3 hold sums, 4 and 5 what stands on the left, both with `count` rows; 6 and 7 what stands on the right.
    explicit Configuration(int64_t count) {
        std::fill(row_bytes, row_bytes + 8, 64);
        std::fill(rows, rows + 6, static_cast<uint8_t>(count));
        std::fill(rows + 6, rows + 8, side);
    }
};

// Where a tile is read from, and how many numbers lie between its rows.
struct Source {
    const uint16_t *data;
    int64_t stride;
};

// The left and right tiles where the inner dimension ends early, with zeros in place of what is missing.
struct alignas(64) Rest {
    uint16_t left[2 * side * tile_inner], right[side * 2 * most_columns];
    int64_t start, count;

    void load_right(const Operand &operand, int64_t width) {
        start = operand.inner / tile_inner * tile_inner;
        count = operand.inner - start;
        if (count == 0) return;
        std::memset(left, 0, sizeof(left));
        std::memset(right, 0, sizeof(right));
        std::memcpy(right, operand.panel + start * width, static_cast<size_t>(count * width) * sizeof(uint16_t));
    }

    void load_left(const Operand &operand, int64_t row, int64_t rows) {
        if (count == 0) return;
        const uint16_t *from = operand.left + row * operand.stride + start;
        for (int64_t i = 0; i < rows; ++i) {
            std::memcpy(left + i * tile_inner, from + i * operand.stride, static_cast<size_t>(count) * sizeof(uint16_t));
        }
    }
};

// Fetches what is read behind this panel, a little at each step: weights are used once in a pass and are not in a cache.
class Ahead {
    const char *next_, *end_;
    int64_t lines_;

public:
    // For a panel that is read in `steps` steps.
    Ahead(const Operand &operand, int64_t width, int64_t steps)
        : next_(reinterpret_cast<const char *>(operand.panel + operand.inner * width)),
          end_(next_ + operand.ahead * static_cast<int64_t>(sizeof(uint16_t))), lines_((end_ - next_) / line / steps + 1) {}

    void step() {
        for (int64_t i = 0; i < lines_ && next_ < end_; ++i, next_ += line) _mm_prefetch(next_, _MM_HINT_T1);
    }
};

// GCC's loads of tiles do not say that they read memory: what was written before has to be there.
inline void written() { asm volatile("" ::: "memory"); }

// Adds a left source of one or two tiles times a right one of one or two to the tiles 0 to 3.
template <int Rows, int Columns> TT_TILES inline void add(Source left, Source right) {
    const auto left_stride = static_cast<size_t>(left.stride) * sizeof(uint16_t);
    const auto right_stride = static_cast<size_t>(right.stride) * sizeof(uint16_t);
    _tile_loadd(4, left.data, left_stride);
    _tile_loadd(6, right.data, right_stride);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (Columns > 1) {
        _tile_loadd(7, right.data + 2 * lanes, right_stride);
        _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (Rows > 1) {
        _tile_loadd(5, left.data + side * left.stride, left_stride);
        _tile_dpbf16ps(2, 5, 6);
        if constexpr (Columns > 1) _tile_dpbf16ps(3, 5, 7);
    }
}

// The sums of `Rows` by `Columns` tiles from `row` and `column` on, which begin from `sums` where there is something.
template <int Rows, int Columns>
TT_TILES void block(int64_t width, const Operand *operands, int64_t count, int64_t row, int64_t column, bool first,
                    const Rest *rests, Ahead &ahead, float *sums) {
    const auto stride = static_cast<size_t>(width) * sizeof(float);
    float *below = sums + side * width;
    written();
    if (first) {
        _tile_zero(0);
        if constexpr (Columns > 1) _tile_zero(1);
        if constexpr (Rows > 1) _tile_zero(2);
        if constexpr (Rows > 1 && Columns > 1) _tile_zero(3);
    } else {
        _tile_loadd(0, sums, stride);
        if constexpr (Columns > 1) _tile_loadd(1, sums + lanes, stride);
        if constexpr (Rows > 1) _tile_loadd(2, below, stride);
        if constexpr (Rows > 1 && Columns > 1) _tile_loadd(3, below + lanes, stride);
    }
    for (int64_t o = 0; o < count; ++o) {
        const Operand &operand = operands[o];
        const uint16_t *left = operand.left + row * operand.stride, *right = operand.panel + 2 * column;
        for (int64_t k = 0; k < rests[o].start; k += tile_inner) {
            add<Rows, Columns>({left + k, operand.stride}, {right + k * width, 2 * width});
            if (o == 0) ahead.step();
        }
        if (rests[o].count > 0) add<Rows, Columns>({rests[o].left, tile_inner}, {rests[o].right + 2 * column, 2 * width});
    }
    _tile_stored(0, sums, stride);
    if constexpr (Columns > 1) _tile_stored(1, sums + lanes, stride);
    if constexpr (Rows > 1) _tile_stored(2, below, stride);
    if constexpr (Rows > 1 && Columns > 1) _tile_stored(3, below + lanes, stride);
}

// `rows` rows from `row` on, which are `Rows` tiles.
template <int Rows>
TT_TILES void strip(int64_t width, const Operand *operands, int64_t count, int64_t row, int64_t rows, const Output &output,
                    Rest *rests, Ahead &ahead) {
    alignas(64) float own[2 * side * most_columns];
    for (int64_t o = 0; o < count; ++o) rests[o].load_left(operands[o], row, rows);
    float *sums = output.first && output.last ? own : output.sums + row * width;
    int64_t column = 0;
    for (; column + 2 * lanes <= width; column += 2 * lanes) {
        block<Rows, 2>(width, operands, count, row, column, output.first, rests, ahead, sums + column);
    }
    if (column < width) block<Rows, 1>(width, operands, count, row, column, output.first, rests, ahead, sums + column);
    if (!output.last) return;
    for (int64_t start = 0; start < width; start += lanes) {
        const __mmask16 mask = present(output, start);
        const __m512 bias = bias_at(output, start, mask);
        for (int64_t i = 0; i < rows; ++i) {
            finish(output, row + i, start, mask, bias, _mm512_loadu_ps(sums + i * width + start));
        }
    }
}

}  // namespace

bool has_tiles() {
    static const bool found = [] {
        // A process has to ask for the registers once; the system may deny them.
        constexpr long request_permission = 0x1023, tile_data = 18;
        return __builtin_cpu_supports("amx-bf16") && __builtin_cpu_supports("avx512bf16") &&
               syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
    }();
    return found;
}

TT_TILES void tiled_product(int64_t width, const Operand *operands, int64_t count, int64_t rows, const Output &output) {
    const auto rests = std::make_unique_for_overwrite<Rest[]>(static_cast<size_t>(count));
    for (int64_t o = 0; o < count; ++o) rests[static_cast<size_t>(o)].load_right(operands[o], width);
    const int64_t strips = (rows + 2 * side - 1) / (2 * side), blocks = (width + 2 * lanes - 1) / (2 * lanes);
    Ahead ahead(operands[0], width, std::max<int64_t>(1, strips * blocks * (operands[0].inner / tile_inner)));
    int64_t row = 0;
    if (rows >= side) {
        const Configuration whole(side);
        written();
        _tile_loadconfig(&whole);
        for (; row + 2 * side <= rows; row += 2 * side) strip<2>(width, operands, count, row, 2 * side, output, rests.get(), ahead);
        if (row + side <= rows) {
            strip<1>(width, operands, count, row, side, output, rests.get(), ahead);
            row += side;
        }
    }
    if (row < rows) {
        const Configuration last(rows - row);
        written();
        _tile_loadconfig(&last);
        strip<1>(width, operands, count, row, rows - row, output, rests.get(), ahead);
    }
    _tile_release();
}

#else

bool has_tiles() { return false; }
void tiled_product(int64_t, const Operand *, int64_t, int64_t, const Output &) {}

#endif

}  // namespace tt::gemm
