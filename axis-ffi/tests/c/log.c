/* What is logged, up to a level, and not any more once it was switched off. Argument: the options of an engine. */
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
  axis_engine_free(engine);
  return 0;
}
