/* C's part of `language-bench`: options in JSON, rounds, calls; one line of JSON. */
#define _POSIX_C_SOURCE 199309L
#include <axis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* What went wrong last. */
static axis_error *error = NULL;

static void check(axis_status status) {
  if (status == AXIS_OK) return;
  fprintf(stderr, "%s: %s\n", axis_error_code(error), axis_error_message(error));
  exit(1);
}

/* Reads the whole answer and keeps all of it, as the other languages do; returns its rows. */
static int64_t read_all(axis_engine *engine) {
  struct ArrowArrayStream stream;
  struct ArrowArray *batches = NULL;
  int64_t rows = 0;
  size_t count = 0, room = 0;
  check(axis_engine_query(engine, "select * from rows", NULL, NULL, &stream, &error));
  for (;;) {
    if (count == room) {
      room = room ? room * 2 : 64;
      batches = realloc(batches, room * sizeof *batches);
      if (batches == NULL) exit(1);
    }
    if (stream.get_next(&stream, &batches[count]) != 0) {
      fprintf(stderr, "%s\n", stream.get_last_error(&stream));
      exit(1);
    }
    if (batches[count].release == NULL) break;
    rows += batches[count++].length;
  }
  stream.release(&stream);
  while (count > 0) {
    count--;
    batches[count].release(&batches[count]);
  }
  free(batches);
  return rows;
}

int main(int argc, char **argv) {
  axis_engine *engine = NULL;
  int64_t rows = 0;
  if (argc != 4) return 2;
  int rounds = atoi(argv[2]), calls = atoi(argv[3]);
  check(axis_engine_open(argv[1], &engine, &error));
  printf("{\"query_ms\": [");
  for (int round = 0; round < rounds; round++) {
    double begun = now_ms();
    rows = read_all(engine);
    printf("%s%.4f", round ? ", " : "", now_ms() - begun);
  }
  double begun = now_ms();
  for (int call = 0; call < calls; call++) {
    char *status = NULL;
    check(axis_engine_status(engine, "rows", &status, &error));
    axis_text_free(status);
  }
  printf("], \"status_us\": %.4f, \"rows\": %" PRId64 "}\n", (now_ms() - begun) * 1e3 / calls, rows);
  check(axis_engine_close(engine, &error));
  axis_engine_free(engine);
  return 0;
}
