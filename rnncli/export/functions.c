/* The building blocks of exported C: functions, included in a source that calls them, and templates with a $word for
   each value. A section starts with //= and its name. Loops run over consecutive numbers without branches, so that
   compilers vectorise them without -ffast-math. A function comes after those that it calls. A line `name(v): v[j] = …;`
   defines a function that does this to each element of a vector. A template's line that ends in `//? word` is only for
   networks with a value for the word, or without one for `//? !word`; one that ends in a comma goes on in the next. */

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

static inline void act_softmax_of_halves(float *v, int size)
{
    act_softmax(v, size / 2);
    act_softmax(v + size / 2, size / 2);
}

static inline int any_but_0(const float *x, int size)
{
    int any = 0;
    for (int j = 0; j < size; j++) {
        any |= x[j] < 0.0f || x[j] > 0.0f || isnan(x[j]);
    }
    return any;
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

/* Appends x to a window and drops the window's first vector. Returns whether all of a window's
   timesteps are there; the first of the next one comes `stride` timesteps later. */
static int slide(float *window, int32_t *count, int span, int least, int stride, const float *x,
                 int size)
{
    memmove(window, window + size, (size_t)((span - 1) * size) * sizeof(float));
    memcpy(window + (span - 1) * size, x, (size_t)size * sizeof(float));
    const int ends = ++*count == least;
    *count -= ends ? stride : 0;
    return ends;
}

/* The index of the first timestep in window t, where windows also reach over the ends of a sequence
   by padding: as many timesteps at both, or one more at its end. Below 0, it wraps around. */
static size_t window_start(size_t timesteps, size_t span, size_t stride, size_t t)
{
    const size_t reach = (timesteps - 1) / stride * stride + span;
    return t * stride - (reach < timesteps ? 0 : (reach - timesteps) / 2);
}

/* Appends x to a vector unless it is full. */
static void append(float *vector, int32_t *count, int32_t most, const float *x, int size)
{
    if (*count < most) {
        memcpy(vector + *count * size, x, (size_t)size * sizeof(float));
        ++*count;
    }
}

act_linear(float *v): (void)v;
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
mix(float *v, const float *z, const float *g): v[j] = z[j] * v[j] + (1.0f - z[j]) * g[j];
unpack(float *v, const int8_t *row, const float *scale): v[j] = scale[j] * (float)row[j];

static inline void copy(float *v, const float *x, int size)
{
    memcpy(v, x, (size_t)size * sizeof(float));
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

//= float32
/* A matrix, row by row. */
typedef const float *matrix;

/* sum += x @ w, where w is a block of a matrix: `rows` by `columns` numbers from the number `first`
   on, of `stride` in each row. It takes four rows at a time, with the loop over columns inside,
   which compilers vectorise. */
static inline void add_product(matrix w, int first, int stride, int rows, int columns,
                               const float *restrict x, float *restrict sum)
{
    w += first;
    for (; rows >= 4; rows -= 4, w += 4 * stride, x += 4) {
        for (int j = 0; j < columns; j++) {
            sum[j] += (x[0] * w[j] + x[1] * w[stride + j])
                      + (x[2] * w[2 * stride + j] + x[3] * w[3 * stride + j]);
        }
    }
    for (; rows > 0; rows--, w += stride, x++) {
        for (int j = 0; j < columns; j++) {
            sum[j] += x[0] * w[j];
        }
    }
}

//= int8
/* A matrix, row by row, and the scale of each of its columns. */
typedef struct { const int8_t *numbers; const float *scale; } matrix;
#define MATRIX(name) (matrix){name, name##_scale}

/* sum += scale * (x @ w), where w is a block of a matrix: `rows` by `columns` numbers from the
   number `first` on, of `stride` in each row. It takes four rows at a time, with the loop over
   columns inside, which compilers vectorise. */
static inline void add_product(matrix from, int first, int stride, int rows, int columns,
                               const float *restrict x, float *restrict sum)
{
    const int8_t *restrict w = from.numbers + first;
    const float *restrict scale = from.scale + first % stride;
    for (; rows >= 4; rows -= 4, w += 4 * stride, x += 4) {
        for (int j = 0; j < columns; j++) {
            sum[j] += scale[j] * ((x[0] * (float)w[j] + x[1] * (float)w[stride + j])
                                  + (x[2] * (float)w[2 * stride + j]
                                     + x[3] * (float)w[3 * stride + j]));
        }
    }
    for (; rows > 0; rows--, w += stride, x++) {
        for (int j = 0; j < columns; j++) {
            sum[j] += scale[j] * (x[0] * (float)w[j]);
        }
    }
}

//= layers
/* sum = bias, or 0 without a bias. */
static inline void start(float *sum, const float *bias, int size)
{
    if (bias == NULL) {
        fill(sum, 0.0f, size);
    } else {
        copy(sum, bias, size);
    }
}

/* y = x @ kernel + bias */
static inline void affine(matrix kernel, const float *bias, int rows, int columns,
                          const float *restrict x, float *restrict y)
{
    start(y, bias, columns);
    add_product(kernel, 0, columns, rows, columns, x, y);
}

/* y = window @ kernel + bias, for a kernel of `width` matrices. The window's vectors are `dilation`
   vectors of x apart; those outside its `timesteps` are skipped. */
static void convolve(matrix kernel, const float *bias, int width, int dilation, int rows,
                     int columns, const float *x, size_t timesteps, size_t first, float *y)
{
    start(y, bias, columns);
    if (dilation == 1 && first < timesteps && (size_t)width <= timesteps - first) {
        add_product(kernel, 0, columns, width * rows, columns, x + first * (size_t)rows, y);
        return;
    }
    for (int k = 0; k < width; k++, first += (size_t)dilation) {
        if (first < timesteps) { /* an index below 0 wraps around */
            add_product(kernel, k * rows * columns, columns, rows, columns,
                        x + first * (size_t)rows, y);
        }
    }
}

//= rnn
/* $spec on $features; @ is the product of a vector and a matrix. */
static void $cell(matrix kernel, matrix recurrent_kernel, const float *bias, const float *restrict x,
                  float *restrict h, float *restrict gates)
{
    const int features = $reads, units = $units;

    /* h = act_$activation(x @ kernel + h @ recurrent_kernel + bias) */
    affine(kernel, bias, features, units, x, gates);
    add_product(recurrent_kernel, 0, units, units, units, h, gates);
    act_$activation(gates, units);
    copy(h, gates, units);
}

//= lstm
/* $spec on $features; @ is the product of a vector and a matrix, whose columns are grouped as i, f, g, o. */
static void $cell(matrix kernel, matrix recurrent_kernel,
                  matrix projection_kernel, //? proj_size
                  const float *bias, const float *restrict x, float *restrict h, float *restrict c,
                  float *restrict gates)
{
    const int features = $reads, units = $units;
    float *const i = gates, *const f = i + units, *const g = f + units, *const o = g + units;

    /* i, f, o = act_$recurrent_activation(x @ kernel + h @ recurrent_kernel + bias) */
    /* g = act_$activation(x @ kernel + h @ recurrent_kernel + bias) */
    affine(kernel, bias, features, 4 * units, x, gates);
    add_product(recurrent_kernel, 0, 4 * units, $held, 4 * units, h, gates);
    $activate_gates(i, 2 * units);
    act_$activation(g, units);
    act_$recurrent_activation(o, units);
    /* c = f * c + i * g */
    for (int j = 0; j < units; j++) {
        c[j] = f[j] * c[j] + i[j] * g[j];
    }
    /* $shown = o * act_$activation(c) */
    copy($shown, c, units);
    act_$activation($shown, units);
    multiply($shown, o, units);
    /* h = g @ projection_kernel */ //? proj_size
    affine(projection_kernel, NULL, units, $held, g, h); //? proj_size
}

//= gru
/* $spec on $features; @ is the product of a vector and a matrix, whose columns are grouped as z, r, g. */
static void $cell(matrix kernel, matrix recurrent_kernel, const float *bias, const float *restrict x,
                  float *restrict h, float *restrict gates)
{
    const int features = $reads, units = $units;
    float *const z = gates, *const r = z + units, *const g = r + units;

    /* z, r = act_$recurrent_activation(x @ kernel + bias + h @ recurrent_kernel + recurrent_bias) */
    affine(recurrent_kernel, bias == NULL ? NULL : bias + 3 * units, units, 3 * units, h, gates);
    add_product(kernel, 0, 3 * units, features, 2 * units, x, gates);
    if (bias != NULL) {
        add(gates, bias, 2 * units);
    }
    $activate_gates(z, 2 * units);
    /* g = act_$activation(x @ kernel + bias + r * (h @ recurrent_kernel + recurrent_bias)) */
    multiply(g, r, units);
    if (bias != NULL) {
        add(g, bias + 2 * units, units);
    }
    add_product(kernel, 2 * units, 3 * units, features, units, x, g);
    act_$activation(g, units);
    /* h = z * h + (1 - z) * g */
    mix(h, z, g, units);
}

//= gru reset before
/* $spec on $features; @ is the product of a vector and a matrix, whose columns are grouped as z, r, g. */
static void $cell(matrix kernel, matrix recurrent_kernel, const float *bias, const float *restrict x,
                  float *restrict h, float *restrict gates)
{
    const int features = $reads, units = $units;
    float *const z = gates, *const r = z + units, *const g = r + units;

    /* z, r = act_$recurrent_activation(x @ kernel + h @ recurrent_kernel + bias) */
    affine(kernel, bias, features, 3 * units, x, gates);
    add_product(recurrent_kernel, 0, 3 * units, units, 2 * units, h, gates);
    $activate_gates(z, 2 * units);
    /* g = act_$activation(x @ kernel + (r * h) @ recurrent_kernel + bias) */
    multiply(r, h, units);
    add_product(recurrent_kernel, 2 * units, 3 * units, units, units, r, g);
    act_$activation(g, units);
    /* h = z * h + (1 - z) * g */
    mix(h, z, g, units);
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

//= declared
$struct //? by_step
//? by_step
/* Call before each sequence. */ //? by_step
void ${name}_reset(${name}_state *state); //? by_step
//? by_step
/* Runs a timestep. $each; y: $y Returns 1 if y has been written, else 0. */ //? by_step
int ${name}_step(${name}_state *state, $takes, float *y); //? by_step
//? by_step
/* Call after the last timestep: y is the next output vector. Returns 0 if there is none. */ //? decodes
int ${name}_next(${name}_state *state, float *y); //? decodes
//? decodes
/* The number of floats in the workspace of ${name}_run$unused$on_stack. */ //? !by_step
#define ${NAME}_WORKSPACE(timesteps) ($workspace) //? !by_step
//? !by_step
/* Runs a whole sequence$of_length. $all; y: $rows_in_y${NAME}_OUTPUTS numbers. Returns the number of vectors in y$or_0. */
size_t ${name}_run($takes_all, size_t timesteps, float *y); //? by_step
size_t ${name}_run($takes_all, size_t timesteps, float *y, float *workspace); //? !by_step

//= struct
typedef struct ${name}_state {
    $states
    float scratch[$scratch]; /* not kept between steps */ //? scratch
    char none; /* nothing is kept between steps */ //? stateless
} ${name}_state;

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

//= padding
/* $blank is padding, $effect. */ //? masked
if ($given) { //? masked
    $lines
} //? masked

//= by steps
void ${name}_reset(${name}_state *state)
{
    memset(state, 0, sizeof *state);
    $infinite
}

int ${name}_step(${name}_state *state, $takes, float *y)
{
    (void)state; //? stateless
    (void)id; //? id_unused
    (void)y; //? decodes
    $step
    if (y == NULL) { //? ends
        return 0; //? ends
    } //? ends
    $end //? ends
    return 1; //? ends
    return 0; //? decodes
}

$decoder //? decodes
size_t ${name}_run($takes_all, size_t timesteps, float *y)
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
    while (${name}_next(&state, y + rows * $outputs)) { //? decodes
        rows++; //? decodes
    } //? decodes
    return rows;
}

//= decoder
int ${name}_next(${name}_state *state, float *y)
{
    if ($count == 0) {
        $vector
    }
    $again ($count < $repeats) {
        $count++;
        $each
    }
    return 0;
}

//= at once
$struct

size_t ${name}_run($takes_all, size_t timesteps, float *y, float *workspace)
{
    (void)ids; //? id_unused
    (void)workspace; //? !a
    ${name}_state memory, *const state = &memory;
    float *const a = workspace; //? a
    float *const b = workspace + $a; //? b

    if ($other_length) {
        return 0;
    }
    memset(state, 0, sizeof *state);
    $infinite
    $lines
    return $returned;
}

//= reading
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads a timestep from a line. Returns 1, 0 at the end of the input, -1 if the line is wrong. */
static int read_timestep($type *x)
{
    int c, count = 0, after_number = 0, valid;

    do {
        char word[400], *end; /* the exact digits of a float fit */
        const int is_number = scanf("%399[^ \t\r\n,]", word) == 1;
        c = getchar();
        if (is_number) {
            const float value = strtof(word, &end); //? !ids
            const long long value = strtoll(word, &end, 10); //? ids
            valid = *end == '\0'; //? !ids
            valid = *end == '\0' && value >= 0 && value < $vocabulary; //? ids
            valid = valid && strlen(word) < 399 && count < ${NAME}_INPUTS;
            if (valid) {
                x[count++] = ($type)value;
            }
        } else {
            valid = c != ',' || after_number;
        }
        after_number = c != ',' && (is_number || after_number);
    } while (valid && c != EOF && (c != '\n' || count == 0));
    if (valid && c == EOF && count == 0) {
        return 0;
    }
    if (valid && count == ${NAME}_INPUTS) {
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

//= main by steps
int main(void)
{
    static ${name}_state state;
    static $type x[${NAME}_INPUTS];
    static float y[${NAME}_OUTPUTS];
    size_t timesteps = 0; //? counts
    int found;

    ${name}_reset(&state);
    while ((found = read_timestep(x)) == 1) {
        timesteps++; //? counts
        ${name}_step(&state, $read, y); //? !streams
        if (${name}_step(&state, $read, y)) { //? streams
            write_row(y); //? streams
        } //? streams
    }
    if (found == 0 && timesteps > 0 && $other_length) { //? required
        fputs("expected $required\n", stderr); //? required
        found = -1; //? required
    } //? required
    if (found == 0 && timesteps > 0) { //? ends
    while (found == 0 && timesteps > 0 && ${name}_next(&state, y)) { //? decodes
        write_row(y); //? !streams
    } //? !streams
    return found == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

//= main at once
int main(void)
{
    $type *x = NULL;
    size_t timesteps = 0;
    int found;

    do {
        x = realloc(x, (timesteps + 1) * ${NAME}_INPUTS * sizeof *x);
        if (x == NULL) {
            return EXIT_FAILURE;
        }
        found = read_timestep(x + timesteps * ${NAME}_INPUTS);
        timesteps += found == 1;
    } while (found == 1);
    if (found == 0 && timesteps > 0 && $other_length) { //? required
        fputs("expected $required\n", stderr); //? required
        found = -1; //? required
    } //? required
    const size_t room = ${NAME}_WORKSPACE(timesteps);
    const size_t size = room + $rows * ${NAME}_OUTPUTS + 1;
    float *workspace = malloc(size * sizeof *workspace);
    if (workspace == NULL) {
        return EXIT_FAILURE;
    }
    if (found == 0) {
        float *y = workspace + room;
        const size_t rows = ${name}_run(x, timesteps, y, workspace);
        for (size_t t = 0; t < rows; t++) {
            write_row(y + t * ${NAME}_OUTPUTS);
        }
    }
    free(x);
    free(workspace);
    return found == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
