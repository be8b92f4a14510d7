/* One engine, many threads: everything at once, and closed by two of them in the middle. Argument: the options of an engine. */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

enum { THREADS = 8, ROUNDS = 25 };

static axis_engine *engine;
static atomic_int rounds;

/* What may become of a call while others sync and close. */
static void settle(axis_status status, axis_error **error) {
  CHECK(status == axis_error_status(*error));
  CHECK(status == AXIS_OK || status == AXIS_BUSY || status == AXIS_CLOSED || status == AXIS_CANCELLED);
  axis_error_free(*error);
  *error = NULL;
}

static void *work(void *unused) {
  (void)unused;
  for (int i = 0; i < ROUNDS; i++) {
    axis_error *error = NULL;
    char *json = NULL;
    axis_sync_report *report = NULL;
    settle(axis_engine_status(engine, "shop", &json, &error), &error);
    axis_text_free(json);
    json = NULL;
    settle(axis_engine_sync(engine, "shop", NULL, &report, &error), &error);
    axis_sync_report_free(report);
    settle(axis_engine_query_json(engine, "select count(*) from range(1000)", NULL, NULL, &json, &error), &error);
    axis_text_free(json);
    atomic_fetch_add(&rounds, 1);
  }
  return NULL;
}

static void *close_it(void *unused) {
  (void)unused;
  axis_error *error = NULL;
  while (atomic_load(&rounds) < THREADS * ROUNDS / 2) {
    char *json = NULL;
    settle(axis_engine_queries(engine, &json, &error), &error);
    axis_text_free(json);
  }
  OK(axis_engine_close(engine, &error));
  return NULL;
}

int main(int argc, char **argv) {
  axis_error *error = NULL;
  CHECK(argc == 2);
  OK(axis_engine_open(argv[1], &engine, &error));
  pthread_t threads[THREADS + 2];
  for (int i = 0; i < THREADS + 2; i++) {
    CHECK(pthread_create(&threads[i], NULL, i < THREADS ? work : close_it, NULL) == 0);
  }
  for (int i = 0; i < THREADS + 2; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
  CHECK(atomic_load(&rounds) == THREADS * ROUNDS);
  CHECK(axis_engine_is_closed(engine));
  axis_engine_free(engine);
  return 0;
}
