/* Syncs a dataset that somebody else may be syncing: waits for what may pass, and gives up on what will not.
 *
 * cc busy.c $(pkg-config --cflags --libs axis) -Wl,-rpath,$(pkg-config --variable=libdir axis) -o busy
 * ./busy '{"config": "custom"}' monitoring
 */
#define _POSIX_C_SOURCE 200809L

#include <axis.h>
#include <stdio.h>
#include <time.h>

enum { TRIES = 100 };

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  axis_job *job = NULL;
  axis_sync_report *report = NULL;
  if (argc != 3) return 2;
  axis_status status = axis_engine_open(argv[1], &engine, &error);
  /* Somebody else: a sync in the background. */
  if (status == AXIS_OK) status = axis_engine_sync_start(engine, argv[2], NULL, NULL, NULL, &job, &error);
  for (int tries = 0; status == AXIS_OK && report == NULL; tries++) {
    axis_status tried = axis_engine_sync(engine, argv[2], NULL, &report, &error);
    if (tried == AXIS_OK) break;
    if (!axis_error_is_retryable(error) || tries == TRIES) {
      status = tried;
      break;
    }
    printf("%s, trying again\n", axis_error_code(error));
    axis_error_free(error);
    error = NULL;
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
  }
  if (status == AXIS_OK) {
    puts("synced");
  } else {
    fprintf(stderr, "%s: %s\n", axis_error_code(error), axis_error_message(error));
  }
  axis_sync_report_free(report);
  axis_job_free(job);
  axis_engine_free(engine);
  axis_error_free(error);
  return status == AXIS_OK ? 0 : 1;
}
