/* What goes wrong: an error that says what, and never a crash. Argument: the options of an engine. */
#include "check.h"

/* A pointer that must not be written. */
#define UNTOUCHED ((void *)untouched)
static long untouched[2];

static void nothing_is_fine(void) {
  axis_engine_free(NULL);
  axis_error_free(NULL);
  axis_job_free(NULL);
  axis_job_cancel(NULL);
  axis_sync_report_free(NULL);
  axis_verify_report_free(NULL);
  axis_text_free(NULL);
  CHECK(axis_error_status(NULL) == AXIS_OK);
  CHECK(axis_error_code(NULL) == NULL && axis_error_message(NULL) == NULL && axis_error_operation(NULL) == NULL);
  CHECK(axis_error_context_json(NULL) == NULL && axis_error_json(NULL) == NULL);
  CHECK(!axis_error_is_retryable(NULL));
  CHECK(axis_sync_report_json(NULL) == NULL && axis_sync_report_rows_read(NULL) == 0);
  CHECK(axis_verify_report_json(NULL) == NULL && !axis_verify_report_equal(NULL));
  CHECK(axis_job_run_id(NULL) == NULL);
  CHECK(axis_engine_is_closed(NULL));
}

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = UNTOUCHED;
  char *json = UNTOUCHED;
  axis_sync_report *report = UNTOUCHED;
  CHECK(argc == 2);
  nothing_is_fine();

  FAILS(axis_engine_open(argv[1], NULL, &error), AXIS_INVALID_ARGUMENT, "`engine_out` is NULL");
  FAILS(axis_engine_open("{", &engine, &error), AXIS_INVALID_ARGUMENT, "`options_json` is not JSON");
  FAILS(axis_engine_open("\"\xff\"", &engine, &error), AXIS_INVALID_ARGUMENT, "`options_json` is not UTF-8 from byte 1 on");
  FAILS(axis_engine_open("{\"colour\": 1}", &engine, &error), AXIS_INVALID_ARGUMENT, "`colour`");
  CHECK(axis_engine_open("{\"colour\": 1}", &engine, NULL) == AXIS_INVALID_ARGUMENT);
  CHECK(engine == UNTOUCHED);
  OK(axis_engine_open(argv[1], &engine, &error));
  axis_engine *second = UNTOUCHED;
  FAILS(axis_engine_open(argv[1], &second, &error), AXIS_LOCKED, "in use");
  CHECK(second == UNTOUCHED);

  FAILS(axis_engine_status(NULL, "shop", &json, &error), AXIS_INVALID_ARGUMENT, "`engine` is NULL");
  FAILS(axis_engine_status((axis_engine *)&argv, "shop", &json, &error), AXIS_INVALID_ARGUMENT, "no pointer to an engine");
  FAILS(axis_engine_status(engine, NULL, &json, &error), AXIS_INVALID_ARGUMENT, "`dataset` is NULL");
  FAILS(axis_engine_status(engine, "sh\xc3", &json, &error), AXIS_INVALID_ARGUMENT, "`dataset` is not UTF-8");
  FAILS(axis_engine_status(engine, "shop", NULL, &error), AXIS_INVALID_ARGUMENT, "`json_out` is NULL");
  FAILS(axis_engine_status(engine, "shoop", &json, &error), AXIS_NOT_FOUND, "there are: ");
  FAILS(axis_engine_query_json(engine, "select", NULL, NULL, &json, &error), AXIS_QUERY, "");
  FAILS(axis_engine_query_json(engine, "select 1", "[[1]]", NULL, &json, &error), AXIS_INVALID_ARGUMENT, "parameter 1");
  FAILS(axis_engine_query_json(engine, "select 1", "7", NULL, &json, &error), AXIS_INVALID_ARGUMENT, "params");
  FAILS(axis_engine_query_json(engine, "select $a", "{\"a\": 1, \"a\": 2}", NULL, &json, &error), AXIS_INVALID_ARGUMENT, "twice");
  FAILS(axis_engine_query_json(engine, "select ?", "[18446744073709551616]", NULL, &json, &error), AXIS_INVALID_ARGUMENT, "64 bits");
  FAILS(axis_engine_ask(engine, "monitoring.weather", NULL, &json, &error), AXIS_NOT_FOUND, "monitoring.");
  FAILS(axis_engine_ask(engine, "monitoring.summary", "{\"planet\": 1}", &json, &error), AXIS_INVALID_ARGUMENT, "`planet`");
  FAILS(axis_engine_page(engine, "shop", "{\"page\": 0}", &json, &error), AXIS_INVALID_ARGUMENT, "page 0");
  FAILS(axis_engine_sync(engine, "eval", NULL, &report, &error), AXIS_CONFIG, "");
  bool flag = true;
  FAILS(axis_engine_cancel_query(engine, "7", &flag, &error), AXIS_INVALID_ARGUMENT, "`id` is no UUID");
  FAILS(axis_engine_cancel_query(engine, "00000000-0000-4000-8000-000000000000", &flag, &error), AXIS_NOT_FOUND, "no query");
  FAILS(axis_log_set(NULL, NULL, 6, &error), AXIS_INVALID_ARGUMENT, "`level` is 6");

  axis_sync_options options = AXIS_SYNC_OPTIONS_INIT;
  options.mode = 99;
  FAILS(axis_engine_sync(engine, "shop", &options, &report, &error), AXIS_INVALID_ARGUMENT, "`mode`");
  options.mode = AXIS_SYNC_MODE_AUTO;
  options.json = "{\"speed\": 1}";
  FAILS(axis_engine_sync(engine, "shop", &options, &report, &error), AXIS_INVALID_ARGUMENT, "`speed`");
  options.json = "[]";
  FAILS(axis_engine_sync(engine, "shop", &options, &report, &error), AXIS_INVALID_ARGUMENT, "");
  options.struct_size = 0;
  FAILS(axis_engine_sync(engine, "shop", &options, &report, &error), AXIS_INVALID_ARGUMENT, "AXIS_SYNC_OPTIONS_INIT");
  options.struct_size = (size_t)-1;
  FAILS(axis_engine_sync(engine, "shop", &options, &report, &error), AXIS_INVALID_ARGUMENT, "AXIS_SYNC_OPTIONS_INIT");
  axis_verify_options verify = AXIS_VERIFY_OPTIONS_INIT;
  verify.sync = 2;
  FAILS(axis_engine_verify_all(engine, &verify, &json, &error), AXIS_INVALID_ARGUMENT, "`sync`");
  struct {
    axis_sync_options options;
    uint64_t later;
  } newer = {AXIS_SYNC_OPTIONS_INIT, 0};
  newer.options.struct_size = sizeof newer;
  newer.later = 1;
  FAILS(axis_engine_sync(engine, "shop", &newer.options, &report, &error), AXIS_INVALID_ARGUMENT, "does not know");

  /* Everything that an error tells. */
  axis_verify_report *verified = UNTOUCHED;
  CHECK(axis_engine_verify(engine, "shop", NULL, &verified, &error) == AXIS_NOT_SYNCED);
  CHECK(strcmp(axis_error_code(error), "AXIS_NOT_SYNCED") == 0);
  CHECK(axis_error_operation(error) != NULL && !axis_error_is_retryable(error));
  CHECK(strstr(axis_error_context_json(error), "\"dataset\":\"shop\"") != NULL);
  CHECK(strstr(axis_error_json(error), "\"number\":200") != NULL);
  axis_error *first = error;
  error = NULL;
  FAILS(axis_engine_status((axis_engine *)first, "shop", &json, &error), AXIS_INVALID_ARGUMENT, "no pointer to an engine");
  axis_error_free(first);

  OK(axis_engine_close(engine, &error));
  FAILS(axis_engine_status(engine, "shop", &json, &error), AXIS_CLOSED, "closed");
  FAILS(axis_engine_sync(engine, "shop", NULL, &report, &error), AXIS_CLOSED, "closed");
  FAILS(axis_engine_query_json(engine, "select 1", NULL, NULL, &json, &error), AXIS_CLOSED, "closed");
  FAILS(axis_engine_ask(engine, "kpi.filters", NULL, &json, &error), AXIS_CLOSED, "closed");
  FAILS(axis_engine_datasets(engine, &json, &error), AXIS_CLOSED, "closed");
  CHECK(json == UNTOUCHED && report == UNTOUCHED && verified == UNTOUCHED && flag);
  axis_engine_free(engine);
  return 0;
}
