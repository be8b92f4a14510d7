/* What is logged, up to a level, and not any more once it was switched off. Argument: the options of an engine. */
#include <pthread.h>
#include <stdatomic.h>

#include "check.h"

typedef struct {
  atomic_int lines;
  atomic_int synced;
  atomic_int inside;
} Heard;

static void on_log(void *userdata, uint32_t level, const char *target, const char *message) {
  Heard *heard = userdata;
  axis_error *error = NULL;
  CHECK(level >= AXIS_LOG_ERROR && level <= AXIS_LOG_INFO);
  CHECK(strncmp(target, "axis", 4) == 0);
  atomic_fetch_add(&heard->lines, 1);
  if (strstr(message, "dataset=shop") != NULL) atomic_fetch_add(&heard->synced, 1);
  if (atomic_exchange(&heard->inside, 1) == 0) {
    FAILS(axis_log_set(NULL, NULL, AXIS_LOG_OFF, &error), AXIS_INVALID_ARGUMENT, "inside");
  }
}

/* A callback that waits for somebody who replaces it. */
typedef struct {
  atomic_int called;
  axis_status status;
} Waiting;

static void *replace(void *argument) {
  Waiting *waiting = argument;
  axis_error *error = NULL;
  waiting->status = axis_log_set(NULL, NULL, AXIS_LOG_OFF, &error);
  CHECK(strstr(axis_error_message(error), "has not returned") != NULL);
  axis_error_free(error);
  return NULL;
}

static void on_log_wait(void *userdata, uint32_t level, const char *target, const char *message) {
  Waiting *waiting = userdata;
  pthread_t thread;
  (void)level, (void)target, (void)message;
  if (atomic_exchange(&waiting->called, 1) != 0) return;
  CHECK(pthread_create(&thread, NULL, replace, waiting) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
}

static void sync_once(axis_engine *engine) {
  axis_error *error = NULL;
  axis_sync_report *report = NULL;
  OK(axis_engine_sync(engine, "shop", NULL, &report, &error));
  axis_sync_report_free(report);
}

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  Heard heard = {0};
  CHECK(argc == 2);
  OK(axis_log_set(on_log, &heard, AXIS_LOG_INFO, &error));
  OK(axis_engine_open(argv[1], &engine, &error));
  sync_once(engine);
  CHECK(atomic_load(&heard.synced) > 0);
  OK(axis_log_set(NULL, NULL, AXIS_LOG_OFF, &error));
  int lines = atomic_load(&heard.lines);
  sync_once(engine);
  CHECK(atomic_load(&heard.lines) == lines);

  Waiting waiting = {0, AXIS_OK};
  OK(axis_log_set(on_log_wait, &waiting, AXIS_LOG_INFO, &error));
  sync_once(engine);
  CHECK(atomic_load(&waiting.called) == 1 && waiting.status == AXIS_TIMEOUT);
  axis_engine_free(engine);
  return 0;
}
