/* A child of a process with engines is told so, and never waits. Argument: the options of an engine. */
#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* What the child does with the handles of its parent. */
static void child(const char *options, axis_engine *engine, axis_job *job, struct ArrowArrayStream *stream) {
  axis_error *error = NULL;
  axis_engine *other = NULL;
  axis_sync_report *report = NULL;
  char *json = NULL;
  struct ArrowArray array;
  FAILS(axis_engine_query_json(engine, "select 1", NULL, NULL, &json, &error), AXIS_CLOSED, "forked");
  FAILS(axis_engine_status(engine, "shop", &json, &error), AXIS_CLOSED, "forked");
  FAILS(axis_engine_sync(engine, "shop", NULL, &report, &error), AXIS_CLOSED, "forked");
  FAILS(axis_engine_open(options, &other, &error), AXIS_CLOSED, "forked");
  FAILS(axis_log_set(NULL, NULL, AXIS_LOG_OFF, &error), AXIS_CLOSED, "forked");
  FAILS(axis_job_wait(job, AXIS_WAIT_FOREVER, &report, &error), AXIS_CLOSED, "forked");
  CHECK(stream->get_next(stream, &array) != 0);
  CHECK(strstr(stream->get_last_error(stream), "AXIS_CLOSED") != NULL);
  stream->release(stream);
  axis_job_cancel(job);
  axis_job_free(job);
  FAILS(axis_engine_close(engine, &error), AXIS_CLOSED, "forked");
  axis_engine_free(engine);
}

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  axis_job *job = NULL;
  axis_sync_report *report = NULL;
  struct ArrowArrayStream stream;
  struct ArrowArray array;
  int status = 0;
  CHECK(argc == 2);
  OK(axis_engine_open(argv[1], &engine, &error));
  OK(axis_engine_sync_start(engine, "shop", NULL, NULL, NULL, &job, &error));
  OK(axis_engine_query(engine, "select * from range(1000000)", NULL, NULL, &stream, &error));
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    /* A child that waits for ever is ended. */
    alarm(60);
    child(argv[1], engine, job, &stream);
    _exit(0);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  /* The parent goes on. */
  CHECK(stream.get_next(&stream, &array) == 0 && array.length > 0);
  array.release(&array);
  stream.release(&stream);
  OK(axis_job_wait(job, AXIS_WAIT_FOREVER, &report, &error));
  CHECK(axis_sync_report_rows_read(report) == 100);
  axis_sync_report_free(report);
  axis_job_free(job);
  OK(axis_engine_close(engine, &error));
  axis_engine_free(engine);
  return 0;
}
