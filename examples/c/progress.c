/* Watches a sync while it runs, and cancels it when it takes too long.
 *
 * cc progress.c $(pkg-config --cflags --libs axis) -Wl,-rpath,$(pkg-config --variable=libdir axis) -o progress
 * ./progress '{"config": "custom"}' monitoring
 */
#include <axis.h>
#include <stdio.h>

enum { PATIENCE_MS = 60 * 1000 };

static void on_progress(void *userdata, const char *event_json) {
  fprintf(userdata, "%s\n", event_json);
}

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  axis_job *job = NULL;
  axis_sync_report *report = NULL;
  if (argc != 3) return 2;
  axis_status status = axis_engine_open(argv[1], &engine, &error);
  if (status == AXIS_OK) status = axis_engine_sync_start(engine, argv[2], NULL, on_progress, stdout, &job, &error);
  if (status == AXIS_OK) status = axis_job_wait(job, PATIENCE_MS, &report, &error);
  if (status == AXIS_OK) {
    printf("%s\n", axis_sync_report_json(report));
  } else {
    fprintf(stderr, "%s: %s\n", axis_error_code(error), axis_error_message(error));
  }
  axis_sync_report_free(report);
  axis_job_free(job); /* cancels it when it still runs, and waits for the last callback */
  axis_engine_free(engine);
  axis_error_free(error);
  return status == AXIS_OK ? 0 : 1;
}
