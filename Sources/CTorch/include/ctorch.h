// The C face of libtorch: everything Temper asks of it, in one header.
//
// It knows nothing about Swift or about language models. Conventions:
//   * a `tt_tensor` is an opaque handle; every handle returned through an `out` parameter is owned by the
//     caller, who gives it back with `tt_release`. Handles passed in are borrowed.
//   * every call that can fail returns a `tt_status`; on anything but TT_OK the message is in
//     `tt_error_message()` of the same thread until the next failing call, and no `out` parameter was written.
//   * no C++ exception leaves this library.
//   * dtypes and devices have codes of their own, mapped in one table in internal.hpp.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__clang__)
#pragma clang assume_nonnull begin
#define TT_NULLABLE _Nullable
#else
#define TT_NULLABLE
#endif

typedef struct tt_tensor_s *tt_tensor;

typedef enum {
    TT_OK = 0,
    TT_OUT_OF_MEMORY = 1,
    TT_INVALID = 2,      // shapes, dtypes or indices that do not fit
    TT_UNSUPPORTED = 3,  // the operation does not exist for this device or dtype
    TT_DEVICE = 4,       // the accelerator or its driver failed
    TT_INTERNAL = 5
} tt_status;

typedef enum { TT_FLOAT32 = 0, TT_BFLOAT16 = 1, TT_FLOAT16 = 2, TT_FLOAT64 = 3, TT_INT64 = 4, TT_BOOL = 5 } tt_dtype;

typedef enum { TT_CPU = 0, TT_CUDA = 1 } tt_device_kind;

typedef struct {
    tt_device_kind kind;
    int32_t index;
} tt_device;

// MARK: Runtime

const char *tt_version(void);
const char *tt_error_message(void);
// Tensor handles alive in this process; a test compares it before and after.
int64_t tt_live_handles(void);
tt_status tt_manual_seed(uint64_t seed);
void tt_set_threads(int32_t count);
int32_t tt_threads(void);
int32_t tt_device_count(tt_device_kind kind);
// Waits until the accelerator has done all it was asked to, and writes the most bytes that tensors have taken there so far.
tt_status tt_device_peak(tt_device device, int64_t *bytes);
// True when the processor has native bfloat16 matrix instructions (AVX512-BF16 or AMX).
bool tt_cpu_has_bfloat16(void);
// True when products with packed weights go through tiles of bfloat16 (AMX), which the system may deny.
bool tt_cpu_has_tiles(void);
const char *tt_cpu_capability(void);

// MARK: Gradient mode (per thread)

bool tt_gradients_enabled(void);
void tt_set_gradients_enabled(bool enabled);

// MARK: Handles

void tt_release(tt_tensor tensor);
// Another handle of the same tensor.
tt_status tt_share(tt_tensor tensor, tt_tensor TT_NULLABLE *TT_NULLABLE out);
int32_t tt_rank(tt_tensor tensor);
void tt_shape(tt_tensor tensor, int64_t *sizes);
tt_dtype tt_get_dtype(tt_tensor tensor);
tt_device tt_get_device(tt_tensor tensor);
bool tt_requires_grad(tt_tensor tensor);
tt_status tt_set_requires_grad(tt_tensor tensor, bool required);
// Writes NULL to `out` when there is no gradient.
tt_status tt_grad(tt_tensor tensor, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_clear_grad(tt_tensor tensor);
tt_status tt_item(tt_tensor tensor, double *out);
// Copies the elements, row-major, in the tensor's own dtype. `bytes` must be exactly the tensor's size.
tt_status tt_copy_out(tt_tensor tensor, void *destination, int64_t bytes);

// MARK: Creation

tt_status tt_from_bytes(const void *bytes, const int64_t *shape, int32_t rank, tt_dtype dtype, tt_device device,
                        tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_full(double value, const int64_t *shape, int32_t rank, tt_dtype dtype, tt_device device,
                  tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_uniform(double low, double high, uint64_t seed, const int64_t *shape, int32_t rank, tt_device device,
                     tt_tensor TT_NULLABLE *TT_NULLABLE out);
// Normally distributed around 0, drawn on the device by its own generator.
tt_status tt_normal(double deviation, const int64_t *shape, int32_t rank, tt_dtype dtype, tt_device device,
                    tt_tensor TT_NULLABLE *TT_NULLABLE out);

// MARK: Shape and movement

tt_status tt_to(tt_tensor tensor, tt_dtype dtype, tt_device device, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_contiguous(tt_tensor tensor, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_clone(tt_tensor tensor, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_detach(tt_tensor tensor, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_reshape(tt_tensor tensor, const int64_t *shape, int32_t rank, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_transpose(tt_tensor tensor, int64_t first, int64_t second, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_unsqueeze(tt_tensor tensor, int64_t dim, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_narrow(tt_tensor tensor, int64_t dim, int64_t start, int64_t length,
                    tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_cat(const tt_tensor TT_NULLABLE *TT_NULLABLE items, int32_t count, int64_t dim,
                 tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_index_select(tt_tensor tensor, int64_t dim, tt_tensor index, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_gather(tt_tensor tensor, int64_t dim, tt_tensor index, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// Copies `source` into `tensor` in place (broadcast and cast as needed).
tt_status tt_copy_in(tt_tensor tensor, tt_tensor source);
// tensor[rows[i], columns[i]] = source[i] in place, for a cache laid out [rows, columns, ...].
tt_status tt_put(tt_tensor tensor, tt_tensor rows, tt_tensor columns, tt_tensor source);

// MARK: Arithmetic

tt_status tt_add(tt_tensor a, tt_tensor b, double alpha, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_mul(tt_tensor a, tt_tensor b, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_div(tt_tensor a, tt_tensor b, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_scale(tt_tensor tensor, double factor, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_add_scalar(tt_tensor tensor, double value, tt_tensor TT_NULLABLE *TT_NULLABLE out);
typedef enum { TT_EXP = 0, TT_SILU = 1, TT_GELU = 2, TT_GELU_TANH = 3, TT_TANH = 4 } tt_unary_kind;
tt_status tt_unary(tt_unary_kind kind, tt_tensor tensor, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// In place: tensor += alpha * other; tensor *= factor.
tt_status tt_add_in_place(tt_tensor tensor, tt_tensor other, double alpha);
tt_status tt_scale_in_place(tt_tensor tensor, double factor);

// MARK: Reductions

tt_status tt_sum(tt_tensor tensor, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_sum_dim(tt_tensor tensor, int64_t dim, bool keep, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_argmax(tt_tensor tensor, int64_t dim, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_norm(tt_tensor tensor, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// The lower triangle C of a symmetric positive definite matrix C C^T, of which only the lower half counts.
tt_status tt_cholesky(tt_tensor matrix, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// What a lower triangle makes `right` of.
tt_status tt_solve_lower(tt_tensor triangle, tt_tensor right, tt_tensor TT_NULLABLE *TT_NULLABLE out);

// MARK: Layers

tt_status tt_matmul(tt_tensor a, tt_tensor b, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// ids [n] of weight [vocabulary, d] -> [n, d]
tt_status tt_embedding(tt_tensor weight, tt_tensor ids, tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_log_softmax(tt_tensor tensor, int64_t dim, tt_tensor TT_NULLABLE *TT_NULLABLE out);

// MARK: Fused layers (each with its own backward)

// One of the linear layers that read the same input: y = x W^T + bias + scale (x A^T) B^T.
typedef struct {
    tt_tensor weight;                         // [out, in], frozen; where there are scales, the codes of tt_nf4_quantize
    tt_tensor TT_NULLABLE scales;             // those of tt_nf4_quantize
    tt_tensor TT_NULLABLE bias;               // [out], frozen
    tt_tensor TT_NULLABLE a;                  // [r, in], trainable, float32; with b or not at all
    tt_tensor TT_NULLABLE b;                  // [out, r], trainable, float32
    double scale;
    tt_tensor TT_NULLABLE packed;             // tt_pack_weight(weight, false)
    tt_tensor TT_NULLABLE packed_transposed;  // tt_pack_weight(weight, true), for the gradient of x
    tt_tensor TT_NULLABLE trained;            // [out, in] float32: what weight was made from, and what takes its gradient
    tt_tensor TT_NULLABLE trained_bias;       // [out] float32, the same of the bias
} tt_linear_layer;

// A frozen weight laid out as the matrix kernels read it; NULL is written where they do not run (other processors,
// devices and types).
tt_status tt_pack_weight(tt_tensor weight, bool transposed, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// A weight [out, in] in 4-bit NormalFloat: opaque codes and, for every 64 weights, a scale. On failure nothing was written.
tt_status tt_nf4_quantize(tt_tensor weight, tt_tensor TT_NULLABLE *TT_NULLABLE codes,
                          tt_tensor TT_NULLABLE *TT_NULLABLE scales);
// The weight [out, in] that codes and scales stand for.
tt_status tt_nf4_dequantize(tt_tensor codes, tt_tensor scales, tt_dtype dtype, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// x [t, in], residual [t, out] or NULL (only for one layer), which is added -> `count` outputs [t, out].
tt_status tt_linears(tt_tensor x, tt_tensor TT_NULLABLE residual, const tt_linear_layer *layers, int32_t count,
                     tt_tensor TT_NULLABLE *TT_NULLABLE out);
// x [t, d], weight [d]: x / sqrt(mean(x^2) + epsilon) * weight
tt_status tt_rms_norm(tt_tensor x, tt_tensor weight, double epsilon, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// (x - mean) / sqrt(variance + epsilon) * weight + bias; weight [d], bias [d] frozen
tt_status tt_layer_norm(tt_tensor x, tt_tensor weight, tt_tensor TT_NULLABLE bias, double epsilon,
                        tt_tensor TT_NULLABLE *TT_NULLABLE out);
// silu(gate) * up, elementwise
tt_status tt_silu_mul(tt_tensor gate, tt_tensor up, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// x [t, h, d], cosine and sine [t, d/2] float32: the first and the second half of d are rotated as pairs.
tt_status tt_rope(tt_tensor x, tt_tensor cosine, tt_tensor sine, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// What a query of attention sees, and what becomes of its products with the keys: capped(scale * product) + slope * distance,
// where capped(s) = soft_cap * tanh(s / soft_cap) and the distance of an earlier key is negative.
typedef struct {
    double scale;                  // 0 for 1 / sqrt(d)
    double soft_cap;               // 0 for none (Gemma 2, arXiv 2408.00118)
    int64_t window;                // keys seen, the query's own included; 0 for all (arXiv 2004.05150)
    bool causal;                   // later keys are not seen
    tt_tensor TT_NULLABLE slopes;  // [h], one for each head (ALiBi, arXiv 2108.12409)
} tt_attention_rule;

// Attention over sequences laid one after another: q [t, h, d], k and v [t, hkv, d], lengths sum to t -> [t, h, d]. No
// sequence sees another, but where `shared` is given, sequence i sees the first shared[i] tokens of the first; shared[0] is 0.
tt_status tt_packed_attention(tt_tensor q, tt_tensor k, tt_tensor v, const int64_t *lengths, int32_t count,
                              const int64_t *TT_NULLABLE shared, const tt_attention_rule *rule,
                              tt_tensor TT_NULLABLE *TT_NULLABLE out);
// One query per sequence over what a cache holds of it: q [n, h, d], keys and values [slots, capacity, hkv, d], of which
// sequence i fills the first lengths[i] positions of slot i -> [n, h, d]. No gradient.
tt_status tt_cached_attention(tt_tensor q, tt_tensor keys, tt_tensor values, const int64_t *lengths, int32_t count,
                              const tt_attention_rule *rule, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// The output head: logits are capped(h W^T), where capped(s) = soft_cap * tanh(s / soft_cap).
typedef struct {
    tt_tensor weight;                         // [v, d], frozen
    tt_tensor TT_NULLABLE packed;             // tt_pack_weight(weight, false)
    tt_tensor TT_NULLABLE packed_transposed;  // tt_pack_weight(weight, true); without it no gradient goes through packed
    double soft_cap;                          // 0 for none
    tt_tensor TT_NULLABLE trained;            // [v, d] float32: what weight was made from, and what takes its gradient
} tt_output_head;
// Sum over rows of w_i * crossEntropy(logits_i, target_i), in chunks so that the logits are never whole.
// hidden [n, d], targets [n] int64, row_weights [n] float32 or NULL -> scalar float32
tt_status tt_linear_cross_entropy(tt_tensor hidden, const tt_output_head *head, tt_tensor targets,
                                  tt_tensor TT_NULLABLE row_weights, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// Sum over rows of KL(softmax(reference logits_i) || softmax(logits_i)), in chunks; the reference gets no gradient. hidden
// and reference_hidden [n, d] -> scalar float32
tt_status tt_linear_divergence(tt_tensor hidden, const tt_output_head *head, tt_tensor reference_hidden,
                               const tt_output_head *reference_head, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// Log-probability of target_i under logits_i, in chunks. -> [n] float32
tt_status tt_linear_log_probability(tt_tensor hidden, const tt_output_head *head, tt_tensor targets,
                                    tt_tensor TT_NULLABLE *TT_NULLABLE out);

// MARK: Autograd and optimiser

// Code of the caller's: makes a tensor of `x`. Both handles change hands.
typedef tt_status (*tt_body)(void *context, tt_tensor x, tt_tensor TT_NULLABLE *TT_NULLABLE out);
// What `body` makes of x, with nothing kept for the backward pass but x: there `body` is run once more, on the thread that
// asks for gradients, or with tensors of an accelerator on one of libtorch's own while that thread waits. They flow to x and to `parameters`, which must be all that `body` trains. `release` is called with
// the context when it is not needed any more, also on failure.
tt_status tt_recomputed(tt_tensor x, const tt_tensor TT_NULLABLE *TT_NULLABLE parameters, int32_t count, tt_body body,
                        void *context, void (*release)(void *context), tt_tensor TT_NULLABLE *TT_NULLABLE out);
tt_status tt_backward(tt_tensor loss);
// The gradient of `loss` for each of `inputs`, accumulated nowhere, so that several threads may ask for the same inputs at
// once. NULL is written for an input that the loss does not depend on.
tt_status tt_gradients(tt_tensor loss, const tt_tensor TT_NULLABLE *TT_NULLABLE inputs, int32_t count,
                       tt_tensor TT_NULLABLE *TT_NULLABLE out);
// One AdamW step (decoupled weight decay) on float32 parameters, in place. `step` counts from 1.
tt_status tt_adamw(const tt_tensor TT_NULLABLE *TT_NULLABLE parameters, const tt_tensor TT_NULLABLE *TT_NULLABLE gradients,
                   const tt_tensor TT_NULLABLE *TT_NULLABLE first_moments,
                   const tt_tensor TT_NULLABLE *TT_NULLABLE second_moments, int32_t count, int64_t step,
                   double learning_rate, double beta1, double beta2, double epsilon, double weight_decay);
// The 2-norm of all tensors together.
tt_status tt_global_norm(const tt_tensor TT_NULLABLE *TT_NULLABLE tensors, int32_t count, double *out);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#ifdef __cplusplus
}
#endif
