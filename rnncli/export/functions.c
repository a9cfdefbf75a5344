/* The building blocks of exported C: functions, included in a source that calls them, and templates with a $word for
   each value. A section starts with //= and its name. Loops run over consecutive numbers without branches, so that
   compilers vectorise them without -ffast-math. A function comes after those that it calls. A line `name(v): v[j] = …;`
   defines a function that does this to each element of a vector. */

//= functions
/* 2^n for -126 <= n <= 127, from the bits of an IEEE 754 float. */
static inline float power_of_2(int32_t n)
{
    const union { uint32_t bits; float value; } power = {(uint32_t)(n + 127) << 23};
    return power.value;
}

/* z for 0 <= z <= 104, and 104 for NaN, whose bits are a larger integer; no int stands for NaN. */
static inline float not_nan(float z)
{
    union { float value; uint32_t bits; } number = {z};
    number.bits = number.bits > 0x42d00000u ? 0x42d00000u : number.bits;
    return number.value;
}

/* e^r - 1 for |r| <= ln(2) / 2, as in Cephes's expf. With x = n ln(2) + r, e^x is 2^n e^r. */
static inline float exp_minus_1(float r)
{
    return r + r * r * (0.5f + r * (0.16666666f + r * (0.041665796f
           + r * (0.008333452f + r * (0.0013981999f + r * 0.00019875691f)))));
}

/* tanh(x) = m / (m + 2) with m = e^(2|x|) - 1, within 3 units in the last place. */
static inline float tanh_of(float x)
{
    x = fabsf(x) > 9.02f ? copysignf(9.02f, x) : x; /* tanh is 1 beyond this */
    const float z = 2.0f * fabsf(x);
    const int32_t n = (int32_t)(not_nan(z) * 1.442695f + 0.5f);
    const float p = exp_minus_1((z - (float)n * 0.693359375f) + (float)n * 0.00021219444f);
    const float m = power_of_2(n) * p + (power_of_2(n) - 1.0f);
    return copysignf(m / (m + 2.0f), x);
}

/* 1 / (1 + e^-x) within 3 units in the last place, from e^-|x|, which is at most 1. */
static inline float sigmoid_of(float x)
{
    x = fabsf(x) > 104.0f ? copysignf(104.0f, x) : x; /* 0 or 1 beyond this */
    const float z = fabsf(x);
    const int32_t n = (int32_t)(not_nan(z) * 1.442695f + 0.5f), half = n / 2;
    const float p = exp_minus_1(((float)n * 0.693359375f - z) - (float)n * 0.00021219444f);
    const float e = (1.0f + p) * power_of_2(-half) * power_of_2(half - n);
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
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

static inline int any_but_0(const float *x, int size)
{
    int any = 0;
    for (int j = 0; j < size; j++) {
        any |= x[j] < 0.0f || x[j] > 0.0f || isnan(x[j]);
    }
    return any;
}

/* sum += x @ matrix, using the first `columns` of the `stride` numbers in each row. It takes four
   rows at a time, with the loop over columns inside, which compilers vectorise. */
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

/* y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, all vectors; y may be x. */
static void standardise(const float *x, int size, float epsilon, const float *gamma,
                        const float *beta, const float *mean, const float *variance, float *y)
{
    for (int j = 0; j < size; j++) {
        y[j] = (x[j] - mean[j]) / sqrtf(variance[j] + epsilon);
        y[j] = gamma == NULL ? y[j] : y[j] * gamma[j];
        y[j] = beta == NULL ? y[j] : y[j] + beta[j];
    }
}

/* y = gamma * (x - mean) / sqrt(variance + epsilon) + beta; y may be x. The mean is subtracted a
   second time: for numbers near 100, a float mean would round away their small differences. */
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

/* Appends x to a window and drops the window's first `size` numbers. */
static void slide(float *window, int all, const float *x, int size)
{
    memmove(window, window + size, (size_t)(all - size) * sizeof(float));
    memcpy(window + all - size, x, (size_t)size * sizeof(float));
}

/* Returns whether a window ends at this timestep; the next one ends `stride` timesteps later. */
static int window_ends(int32_t *left, int32_t stride)
{
    if (*left > 0) {
        --*left;
        return 0;
    }
    *left = stride - 1;
    return 1;
}

/* The number of windows of `span` timesteps in a sequence. */
static size_t windows_in(size_t timesteps, size_t span, size_t stride)
{
    return timesteps < span ? 0 : (timesteps - span) / stride + 1;
}

/* The timesteps of padding before a sequence; after it there are as many, or one more. */
static size_t padding_before(size_t timesteps, size_t windows, size_t span, size_t stride)
{
    const size_t reach = windows == 0 ? 0 : (windows - 1) * stride + span;
    return reach < timesteps ? 0 : (reach - timesteps) / 2;
}

/* Appends x to a vector unless it is full. */
static void append(float *vector, int32_t *count, int32_t most, const float *x, int size)
{
    if (*count < most) {
        memcpy(vector + *count * size, x, (size_t)size * sizeof(float));
        ++*count;
    }
}

act_relu(float *v): v[j] = v[j] < 0.0f ? 0.0f : v[j];
act_tanh(float *v): v[j] = tanh_of(v[j]);
act_sigmoid(float *v): v[j] = sigmoid_of(v[j]);
act_hard_sigmoid(float *v): v[j] = v[j] < -3.0f ? 0.0f : v[j] > 3.0f ? 1.0f : v[j] / 6.0f + 0.5f;
act_softsign(float *v): v[j] = v[j] / (1.0f + fabsf(v[j]));
act_softplus(float *v): v[j] = fmaxf(v[j], 0.0f) + log1pf(expf(-fabsf(v[j])));
act_elu(float *v): v[j] = v[j] > 0.0f ? v[j] : expm1f(v[j]);
act_selu(float *v): v[j] = 1.050701f * (v[j] > 0.0f ? v[j] : 1.6732632f * expm1f(v[j]));
act_gelu(float *v): v[j] = 0.5f * v[j] * (1.0f + erff(0.70710678f * v[j]));
act_silu(float *v): v[j] *= sigmoid_of(v[j]);
fill(float *v, float value): v[j] = value;
add(float *v, const float *x): v[j] += x[j];
multiply(float *v, const float *x): v[j] *= x[j];
average(float *v, const float *x): v[j] = 0.5f * (v[j] + x[j]);
keep_largest(float *v, const float *x): v[j] = x[j] > v[j] || isnan(x[j]) ? x[j] : v[j];
divide(float *v, const float *x, float count): v[j] = x[j] / count;
unpack(float *v, const int8_t *row, const float *scale): v[j] = scale[j] * (float)row[j];
/* c = f * c + i * g, where the gates of an LSTM are i, f, g, o. */
update_c(float *c, const float *gates): c[j] = gates[size + j] * c[j] + gates[j] * gates[2 * size + j];
/* h = z * h + (1 - z) * g, where the gates of a GRU are z, r, g. */
update_h(float *h, const float *gates): h[j] = gates[j] * h[j] + (1.0f - gates[j]) * gates[2 * size + j];

/* sum += window @ kernel, which has a matrix for each of the window's `width` vectors. These are
   `dilation` vectors of x apart; those outside its `timesteps` are skipped. */
static void add_convolution(const float *kernel, int width, int dilation, int rows, int columns,
                            const float *x, size_t timesteps, size_t first, float *sum)
{
    if (dilation == 1 && first < timesteps && (size_t)width <= timesteps - first) {
        add_product(kernel, columns, width * rows, columns, x + first * (size_t)rows, sum);
        return;
    }
    for (int k = 0; k < width; k++, first += (size_t)dilation, kernel += rows * columns) {
        if (first < timesteps) { /* an index below 0 wraps around */
            add_product(kernel, columns, rows, columns, x + first * (size_t)rows, sum);
        }
    }
}

/* add_convolution with a scale for each column. */
static void add_scaled_convolution(const int8_t *kernel, const float *scale, int width,
                                   int dilation, int rows, int columns, const float *x,
                                   size_t timesteps, size_t first, float *sum)
{
    for (int k = 0; k < width; k++, first += (size_t)dilation, kernel += rows * columns) {
        if (first < timesteps) {
            add_scaled_product(kernel, scale, columns, rows, columns, x + first * (size_t)rows,
                               sum);
        }
    }
}

/* y = the elementwise maximum, or mean, of `width` vectors of x from the first on. Vectors outside
   its `timesteps` are skipped. */
static void largest_of(int width, int size, const float *x, size_t timesteps, size_t first,
                       float *y)
{
    fill(y, -INFINITY, size);
    for (int k = 0; k < width; k++, first++) {
        if (first < timesteps) { /* an index below 0 wraps around */
            keep_largest(y, x + first * (size_t)size, size);
        }
    }
}

static void mean_of(int width, int size, const float *x, size_t timesteps, size_t first,
                    float *y)
{
    int count = 0;
    fill(y, 0.0f, size);
    for (int k = 0; k < width; k++, first++) {
        if (first < timesteps) { /* an index below 0 wraps around */
            add(y, x + first * (size_t)size, size);
            count++;
        }
    }
    divide(y, y, (float)count, size);
}

//= declarations
#include <stddef.h>
#include <stdint.h>

#define ${NAME}_INPUTS $inputs
#define ${NAME}_OUTPUTS $outputs

#ifdef __cplusplus
extern "C" {
#endif

$declared

#ifdef __cplusplus
}
#endif

//= header
$heading
#ifndef ${NAME}_H
#define ${NAME}_H

$declarations

#endif

//= source
$heading
$declarations

#include <math.h>
#include <string.h>

/* Weights are aligned to cache lines, which AVX processors read faster. */
#if defined __GNUC__ && defined __AVX__
#define ALIGNED __attribute__((aligned(64)))
#else
#define ALIGNED
#endif

//= struct
typedef struct ${name}_state {
    $held
} ${name}_state;

//= steps
$struct

/* Call before each sequence. */
$reset;

/* Runs a timestep. y: $y Returns 1 if y has been written, else 0. */
$step;

//= next
/* Call after the last timestep: y is the next output vector. Returns 0 if there is none. */
$next;

//= sequence
/* Runs a whole sequence$length. $x; y: $y${NAME}_OUTPUTS numbers. Returns the number of vectors in y$others. */
$run;

//= workspace
/* The number of floats in the workspace. */
#define ${NAME}_WORKSPACE(timesteps) ($workspace)

//= run
$run
{
    ${name}_state state;
    size_t rows = 0;

    if ($other_length) {
        return 0;
    }
    ${name}_reset(&state);
    for (size_t t = 0; t < timesteps; t++) {
        rows += (size_t)${name}_step(&state, $at_t, $written);
    }
    $decoded
    return rows;
}

//= at once
${name}_state memory, *const state = &memory;
$halves

if ($other_length) {
    return 0;
}
$resets
$lines
return $returned;

//= decode
while (${name}_next(&state, y + rows * $outputs)) {
    rows++;
}

//= reading
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads a timestep from a line. Returns 1, 0 at the end of the input, -1 if the line is wrong. */
static int read_timestep($type *x)
{
    int c = getchar(), count = 0, after_number = 0;

    while (c != EOF && (c != '\n' || count == 0)) {
        char word[400], *end; /* the exact digits of a float fit */
        int length = 0;
        while (c != EOF && strchr(" \t\r\n,", c) == NULL && length < 399) {
            word[length++] = (char)c;
            c = getchar();
        }
        if (length == 0) {
            if (c == ',' && !after_number) {
                count = -1;
                break;
            }
            after_number = after_number && c != ',';
            c = getchar();
            continue;
        }
        word[length] = '\0';
        $value
        if (!valid || count == ${NAME}_INPUTS) {
            count = -1;
            break;
        }
        x[count++] = ($type)value;
        after_number = 1;
    }
    if (c == EOF && count == 0) {
        return 0;
    }
    if (count == ${NAME}_INPUTS && (c == EOF || c == '\n')) {
        return 1;
    }
    fputs("expected $expected per line\n", stderr);
    return -1;
}

static void write_row(const float *y)
{
    for (int j = 0; j < ${NAME}_OUTPUTS; j++) {
        printf("%.9g%c", (double)y[j], j + 1 < ${NAME}_OUTPUTS ? ' ' : '\n');
    }
}

//= number
const float value = strtof(word, &end);
const int valid = *end == '\0' && length < 399;

//= id
const long long value = strtoll(word, &end, 10);
const int valid = *end == '\0' && length < 399 && value >= 0 && value < $vocabulary;

//= length check
if (found == 0 && timesteps > 0 && $other_length) {
    fputs("expected $required\n", stderr);
    found = -1;
}

//= write vector
if (found == 0 && timesteps > 0) {
    write_row(y);
}

//= write decoded
while (found == 0 && timesteps > 0 && ${name}_next(&state, y)) {
    write_row(y);
}

//= main by steps
int main(void)
{
    static ${name}_state state;
    static $type x[${NAME}_INPUTS];
    static float y[${NAME}_OUTPUTS];
    $counter
    int found;

    ${name}_reset(&state);
    while ((found = read_timestep(x)) == 1) {
        $each
    }
    $after
    return found == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

//= main at once
int main(void)
{
    $type *x = NULL;
    size_t timesteps = 0, room = 0;
    int found;

    do {
        if (timesteps == room) {
            room = 2 * room + 64;
            x = realloc(x, room * ${NAME}_INPUTS * sizeof *x);
            if (x == NULL) {
                return EXIT_FAILURE;
            }
        }
        found = read_timestep(x + timesteps * ${NAME}_INPUTS);
        timesteps += found == 1;
    } while (found == 1);
    $length_check
    float *y = malloc(($rows * ${NAME}_OUTPUTS + 1) * sizeof *y);
    room = ${NAME}_WORKSPACE(timesteps) + 1;
    float *workspace = malloc(room * sizeof *workspace);
    if (y == NULL || workspace == NULL) {
        found = -1;
    }
    if (found == 0) {
        const size_t rows = ${name}_run(x, timesteps, y, workspace);
        for (size_t t = 0; t < rows; t++) {
            write_row(y + t * ${NAME}_OUTPUTS);
        }
    }
    free(x);
    free(y);
    free(workspace);
    return found == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
