/* Syncs in the background: progress, waiting in parts, cancelling, and freeing in any order.
 * Arguments: the options of an engine whose sync ends, and of one whose sync does not end until it is cancelled. */
#include <pthread.h>

#include "check.h"

typedef struct {
  char events[8][16];
  int count;
  axis_job *job;
  axis_status waited;
} Seen;

/* Notes the distinct names of events, in order. */
static void on_progress(void *userdata, const char *event_json) {
  Seen *seen = userdata;
  const char *name = strstr(event_json, "\"event\":\"");
  CHECK(name != NULL);
  name += strlen("\"event\":\"");
  size_t length = strcspn(name, "\"");
  for (int i = 0; i < seen->count; i++) {
    if (strncmp(seen->events[i], name, length) == 0) return;
  }
  CHECK(seen->count < 8 && length < sizeof seen->events[0]);
  memcpy(seen->events[seen->count], name, length);
  seen->events[seen->count++][length] = 0;
}

static void progress(axis_engine *engine) {
  axis_error *error = NULL;
  axis_job *job = NULL;
  axis_sync_report *report = NULL, *again = NULL;
  Seen seen = {0};
  OK(axis_engine_sync_start(engine, "shop", NULL, on_progress, &seen, &job, &error));
  OK(axis_job_wait(job, AXIS_WAIT_FOREVER, &report, &error));
  CHECK(axis_sync_report_rows_read(report) == 100);
  CHECK(strstr(axis_sync_report_json(report), axis_job_run_id(job)) != NULL);
  CHECK(seen.count == 4 && strcmp(seen.events[0], "started") == 0 && strcmp(seen.events[1], "planned") == 0);
  CHECK(strcmp(seen.events[2], "progress") == 0 && strcmp(seen.events[3], "committed") == 0);
  OK(axis_job_wait(job, 0, &again, &error));
  CHECK(strcmp(axis_sync_report_json(report), axis_sync_report_json(again)) == 0);
  axis_sync_report_free(again);
  axis_job_cancel(job);
  axis_job_free(job);
  axis_sync_report_free(report);
}

static void *cancel(void *job) {
  axis_job_cancel(job);
  return NULL;
}

static void cancelled(axis_engine *engine) {
  axis_error *error = NULL;
  axis_job *job = NULL, *other = NULL;
  axis_sync_report *report = NULL;
  Seen seen = {0};
  OK(axis_engine_sync_start(engine, "shop", NULL, on_progress, &seen, &job, &error));
  FAILS(axis_job_wait(job, 0, &report, &error), AXIS_TIMEOUT, "goes on");
  CHECK(axis_job_wait(job, 20, &report, &error) == AXIS_TIMEOUT && axis_error_is_retryable(error));
  CHECK(strcmp(axis_error_operation(error), "job.wait") == 0);
  axis_error_free(error);
  error = NULL;
  FAILS(axis_engine_sync_start(engine, "shop", NULL, NULL, NULL, &other, &error), AXIS_BUSY, "already running");
  FAILS(axis_engine_sync(engine, "shop", NULL, &report, &error), AXIS_BUSY, "already running");
  char *json = NULL;
  OK(axis_engine_status(engine, "shop", &json, &error));
  HOLDS(json, "\"state\":\"syncing\"");
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, cancel, job) == 0);
  FAILS(axis_job_wait(job, AXIS_WAIT_FOREVER, &report, &error), AXIS_CANCELLED, "cancelled");
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(strcmp(seen.events[seen.count - 1], "failed") == 0);
  axis_job_free(job);

  OK(axis_engine_sync_start(engine, "shop", NULL, NULL, NULL, &job, &error));
  bool was_running = false;
  OK(axis_engine_cancel_sync(engine, "shop", &was_running, &error));
  CHECK(was_running);
  FAILS(axis_job_wait(job, AXIS_WAIT_FOREVER, &report, &error), AXIS_CANCELLED, "cancelled");
  axis_job_free(job);

  axis_sync_options options = AXIS_SYNC_OPTIONS_INIT;
  options.timeout_ms = 100;
  FAILS(axis_engine_sync(engine, "shop", &options, &report, &error), AXIS_TIMEOUT, "0.1 s");
  CHECK(report == NULL && other == NULL);
}

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  axis_job *job = NULL;
  axis_sync_report *report = NULL;
  CHECK(argc == 3);
  OK(axis_engine_open(argv[1], &engine, &error));
  progress(engine);
  axis_engine_free(engine);

  OK(axis_engine_open(argv[2], &engine, &error));
  cancelled(engine);
  /* Freeing a job cancels it, and waits until nothing is told any more. */
  Seen seen = {0};
  OK(axis_engine_sync_start(engine, "shop", NULL, on_progress, &seen, &job, &error));
  axis_job_free(job);
  CHECK(strcmp(seen.events[seen.count - 1], "failed") == 0);
  /* A job outlives its engine, and lets go of the store with it. */
  OK(axis_engine_sync_start(engine, "shop", NULL, on_progress, &seen, &job, &error));
  axis_engine_free(engine);
  FAILS(axis_job_wait(job, 0, &report, &error), AXIS_TIMEOUT, "goes on");
  axis_job_cancel(job);
  FAILS(axis_job_wait(job, AXIS_WAIT_FOREVER, &report, &error), AXIS_CANCELLED, "cancelled");
  OK(axis_engine_open(argv[2], &engine, &error));
  axis_job_free(job);
  /* Closing an engine ends its jobs. */
  OK(axis_engine_sync_start(engine, "shop", NULL, NULL, NULL, &job, &error));
  OK(axis_engine_close(engine, &error));
  FAILS(axis_job_wait(job, AXIS_WAIT_FOREVER, &report, &error), AXIS_CANCELLED, "cancelled");
  axis_engine_free(engine);
  axis_job_free(job);
  return 0;
}
