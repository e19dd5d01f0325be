/* How many GFLOP/s one core can do at most: independent chains of fused multiply-adds on the widest vector registers,
   nothing loaded or stored. Prints one JSON line with a sample for each tenth of a second.
   cc -O3 -march=native fma-peak.c */

#include <stdio.h>
#include <time.h>

/* Chains hide the latency of an FMA (4 or 5 cycles on 2 to 4 pipes) and must, with two constants, fit the registers. */
#if defined(__AVX512F__)
#define BYTES 64
#define CHAINS 24
#elif defined(__AVX__)
#define BYTES 32
#define CHAINS 12
#elif defined(__aarch64__)
#define BYTES 16
#define CHAINS 24
#else
#define BYTES 16
#define CHAINS 12
#endif

#define SAMPLES 30
#define SECONDS 0.1
#define STEPS 20000

typedef float vector __attribute__((vector_size(BYTES)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float work(float start) {
  vector chain[CHAINS];
  vector factor = (vector){0} + 0.999f;
  vector addend = (vector){0} + 0.001f;
  float sum = 0;
  for (int i = 0; i < CHAINS; i++) chain[i] = (vector){0} + (start + i);
  /* The compiler must not know the constants, or it could work out the end. */
  __asm__ volatile("" : "+m"(factor), "+m"(addend));
  for (int step = 0; step < STEPS; step++) {
#pragma GCC unroll 24
    for (int i = 0; i < CHAINS; i++) chain[i] = chain[i] * factor + addend;
  }
  for (int i = 0; i < CHAINS; i++) sum += chain[i][0];
  return sum;
}

int main(void) {
  volatile float kept = 1;
  printf("{\"gflops\": [");
  for (int sample = 0; sample < SAMPLES; sample++) {
    double begin = now(), spent;
    long calls = 0;
    do {
      kept = work(kept);
      calls++;
    } while ((spent = now() - begin) < SECONDS);
    double flops = 2.0 * calls * STEPS * CHAINS * (BYTES / sizeof(float));
    printf("%s%.1f", sample ? ", " : "", flops / spent / 1e9);
  }
  printf("], \"vector_bits\": %d}\n", BYTES * 8);
  return 0;
}
