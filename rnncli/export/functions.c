/* The functions that `rnncli export --to c` writes into a source, those that it needs and no others.

   Each stands between blank lines, with its comment, behind those that it calls. Loops run over
   consecutive numbers and have no branches, so that compilers vectorise them without -ffast-math. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* 2^n for -126 <= n <= 127, by the bits of a float of IEEE 754. */
static inline float power_of_2(int32_t n)
{
    const union { uint32_t bits; float value; } power = {(uint32_t)(n + 127) << 23};
    return power.value;
}

/* e^r - 1 for |r| <= ln(2) / 2, as Cephes's expf has it. With x = n ln(2) + r, e^x is 2^n e^r. */
static inline float exp_minus_1(float r)
{
    return r + r * r * (0.5f + r * (0.16666666f + r * (0.041665796f
           + r * (0.008333452f + r * (0.0013981999f + r * 0.00019875691f)))));
}

/* tanh(x) = m / (m + 2) with m = e^(2|x|) - 1, to 3 units in the last place. */
static inline float tanh_of(float x)
{
    x = fabsf(x) > 9.02f ? copysignf(9.02f, x) : x; /* beyond that it is 1 */
    const float z = 2.0f * fabsf(x);
    const int32_t n = (int32_t)(z * 1.442695f + 0.5f);
    const float p = exp_minus_1((z - (float)n * 0.693359375f) + (float)n * 0.00021219444f);
    const float m = power_of_2(n) * p + (power_of_2(n) - 1.0f);
    return copysignf(m / (m + 2.0f), x);
}

/* 1 / (1 + e^-x) to 3 units in the last place, by e^-|x|, which is 1 at most. */
static inline float sigmoid_of(float x)
{
    x = fabsf(x) > 104.0f ? copysignf(104.0f, x) : x; /* beyond that it is 0 or 1 */
    const float z = fabsf(x);
    const int32_t n = (int32_t)(z * 1.442695f + 0.5f), half = n / 2;
    const float p = exp_minus_1(((float)n * 0.693359375f - z) - (float)n * 0.00021219444f);
    const float e = (1.0f + p) * power_of_2(-half) * power_of_2(half - n);
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

static inline void act_relu(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = v[j] < 0.0f ? 0.0f : v[j];
    }
}

static inline void act_tanh(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = tanh_of(v[j]);
    }
}

static inline void act_sigmoid(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = sigmoid_of(v[j]);
    }
}

static inline void act_hard_sigmoid(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = fminf(1.0f, fmaxf(0.0f, v[j] / 6.0f + 0.5f));
    }
}

static inline void act_softsign(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = v[j] / (1.0f + fabsf(v[j]));
    }
}

static inline void act_softplus(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = fmaxf(v[j], 0.0f) + log1pf(expf(-fabsf(v[j])));
    }
}

static inline void act_elu(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = v[j] > 0.0f ? v[j] : expm1f(v[j]);
    }
}

static inline void act_selu(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = 1.050701f * (v[j] > 0.0f ? v[j] : 1.6732632f * expm1f(v[j]));
    }
}

static inline void act_gelu(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = 0.5f * v[j] * (1.0f + erff(0.70710678f * v[j]));
    }
}

static inline void act_silu(float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] *= sigmoid_of(v[j]);
    }
}

static inline void act_softmax(float *v, int size)
{
    float largest = v[0], sum = 0.0f;
    for (int j = 1; j < size; j++) {
        largest = v[j] > largest ? v[j] : largest;
    }
    for (int j = 0; j < size; j++) {
        v[j] = expf(v[j] - largest);
        sum += v[j];
    }
    for (int j = 0; j < size; j++) {
        v[j] /= sum;
    }
}

static inline void fill(float *v, float value, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = value;
    }
}

static inline int any_but_0(const float *x, int size)
{
    int any = 0;
    for (int j = 0; j < size; j++) {
        any |= x[j] < 0.0f || x[j] > 0.0f;
    }
    return any;
}

static inline void add(float *v, const float *x, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] += x[j];
    }
}

static inline void multiply(float *v, const float *x, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] *= x[j];
    }
}

static inline void average(float *v, const float *x, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = 0.5f * (v[j] + x[j]);
    }
}

static inline void keep_largest(float *v, const float *x, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = x[j] > v[j] ? x[j] : v[j];
    }
}

static inline void divide(float *v, const float *x, float count, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = x[j] / count;
    }
}

/* sum += x @ matrix, where a row of the matrix has `stride` numbers, of which the first `columns`
   count. Four rows at a time: the inner loop over columns is one that compilers vectorise. */
static inline void add_product(const float *restrict matrix, int stride, int rows, int columns,
                               const float *restrict x, float *restrict sum)
{
    for (; rows >= 4; rows -= 4, matrix += 4 * stride, x += 4) {
        for (int j = 0; j < columns; j++) {
            sum[j] += (x[0] * matrix[j] + x[1] * matrix[stride + j])
                      + (x[2] * matrix[2 * stride + j] + x[3] * matrix[3 * stride + j]);
        }
    }
    for (; rows > 0; rows--, matrix += stride, x++) {
        for (int j = 0; j < columns; j++) {
            sum[j] += x[0] * matrix[j];
        }
    }
}

/* sum += scale * (x @ matrix), with a scale for each column. */
static inline void add_scaled_product(const int8_t *restrict matrix, const float *restrict scale,
                                      int stride, int rows, int columns, const float *restrict x,
                                      float *restrict sum)
{
    for (; rows >= 4; rows -= 4, matrix += 4 * stride, x += 4) {
        for (int j = 0; j < columns; j++) {
            sum[j] += scale[j] * ((x[0] * (float)matrix[j] + x[1] * (float)matrix[stride + j])
                                  + (x[2] * (float)matrix[2 * stride + j]
                                     + x[3] * (float)matrix[3 * stride + j]));
        }
    }
    for (; rows > 0; rows--, matrix += stride, x++) {
        for (int j = 0; j < columns; j++) {
            sum[j] += scale[j] * (x[0] * (float)matrix[j]);
        }
    }
}

/* v = scale * row */
static inline void unpack(const int8_t *row, const float *scale, float *v, int size)
{
    for (int j = 0; j < size; j++) {
        v[j] = scale[j] * (float)row[j];
    }
}

/* y = gamma * (x - mean) / sqrt(variance + epsilon) + beta; y may be x. The mean of what is left is
   taken away, too: of numbers near 100, a mean in float would lose the little that they differ. */
static void normalise(const float *x, int size, float epsilon, const float *gamma,
                      const float *beta, float *y)
{
    float mean = 0.0f, rest = 0.0f, variance = 0.0f;
    for (int j = 0; j < size; j++) {
        mean += x[j] / (float)size;
    }
    for (int j = 0; j < size; j++) {
        y[j] = x[j] - mean;
        rest += y[j] / (float)size;
    }
    for (int j = 0; j < size; j++) {
        y[j] -= rest;
        variance += y[j] * y[j] / (float)size;
    }
    const float factor = 1.0f / sqrtf(variance + epsilon);
    for (int j = 0; j < size; j++) {
        y[j] *= factor;
        y[j] = gamma == NULL ? y[j] : y[j] * gamma[j];
        y[j] = beta == NULL ? y[j] : y[j] + beta[j];
    }
}
