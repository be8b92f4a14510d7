/* Every function once, as it is meant. Argument: the options of an engine over a hundred orders. */
#include "check.h"

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  char *json = NULL;
  CHECK(argc == 2);
  OK(axis_engine_open(argv[1], &engine, &error));
  CHECK(!axis_engine_is_closed(engine));
  OK(axis_engine_datasets(engine, &json, &error));
  HOLDS(json, "\"shop\"");
  OK(axis_engine_status(engine, "shop", &json, &error));
  HOLDS(json, "\"state\":\"not_synced\"");
  OK(axis_engine_metadata(engine, "shop", &json, &error));
  HOLDS(json, "null");

  axis_sync_report *report = NULL;
  OK(axis_engine_sync(engine, "shop", NULL, &report, &error));
  CHECK(axis_sync_report_changed(report));
  CHECK(!axis_sync_report_is_incremental(report));
  CHECK(axis_sync_report_rows_read(report) == 100);
  CHECK(axis_sync_report_rows_total(report) == 100);
  CHECK(axis_sync_report_generation(report) == 1);
  CHECK(axis_sync_report_elapsed_ms(report) < 60000);
  CHECK(strstr(axis_sync_report_json(report), "\"because\":\"first_sync\"") != NULL);
  axis_sync_report_free(report);
  axis_sync_options options = AXIS_SYNC_OPTIONS_INIT;
  options.timeout_ms = 60000;
  OK(axis_engine_sync(engine, "shop", &options, &report, &error));
  CHECK(axis_sync_report_is_incremental(report));
  axis_sync_report_free(report);
  options.mode = AXIS_SYNC_MODE_RECONCILE;
  OK(axis_engine_sync(engine, "shop", &options, &report, &error));
  CHECK(strstr(axis_sync_report_json(report), "\"keys\":100") != NULL);
  axis_sync_report_free(report);
  options.json = "{\"mode\": \"full\"}";
  OK(axis_engine_sync(engine, "shop", &options, &report, &error));
  CHECK(strstr(axis_sync_report_json(report), "\"because\":\"requested\"") != NULL);
  axis_sync_report_free(report);
  OK(axis_engine_sync_all(engine, NULL, &json, &error));
  HOLDS(json, "{\"shop\":{\"ok\":{");

  OK(axis_engine_watermarks(engine, "shop", &json, &error));
  HOLDS(json, "\"column\":\"placed\"");
  size_t count = 0;
  OK(axis_engine_reset_watermarks(engine, "shop", &count, &error));
  CHECK(count == 1);
  bool cancelled = true;
  OK(axis_engine_cancel_sync(engine, "shop", &cancelled, &error));
  CHECK(!cancelled);

  axis_verify_report *verified = NULL;
  OK(axis_engine_verify(engine, "shop", NULL, &verified, &error));
  CHECK(axis_verify_report_equal(verified));
  CHECK(strstr(axis_verify_report_json(verified), "\"equal\":true") != NULL);
  axis_verify_report_free(verified);
  axis_verify_options verify = AXIS_VERIFY_OPTIONS_INIT;
  verify.sync = 1;
  OK(axis_engine_verify_all(engine, &verify, &json, &error));
  HOLDS(json, "{\"shop\":{\"ok\":{");

  OK(axis_engine_metadata(engine, "shop", &json, &error));
  HOLDS(json, "\"row_count\":100");
  OK(axis_engine_page(engine, "shop", "{\"page_size\": 2, \"sort_by\": \"id\", \"direction\": \"asc\"}", &json, &error));
  HOLDS(json, "\"total\":100");
  OK(axis_engine_page(engine, "shop", NULL, &json, &error));
  HOLDS(json, "\"page_size\":50");
  OK(axis_engine_runs(engine, 1, &json, &error));
  HOLDS(json, "\"outcome\":");
  OK(axis_engine_usage(engine, &json, &error));
  HOLDS(json, "\"queries_running\":0");
  OK(axis_engine_queries(engine, &json, &error));
  HOLDS(json, "[]");

  const char *sql = "select count(*) as n, max(name) as name from shop where id <= $1";
  OK(axis_engine_query_json(engine, sql, "[9]", NULL, &json, &error));
  HOLDS(json, "{\"columns\":[{\"name\":\"n\",\"type\":\"BIGINT\"},{\"name\":\"name\",\"type\":\"VARCHAR\"}],"
              "\"rows\":[{\"n\":9,\"name\":\"order 9\"}]}");
  OK(axis_engine_query_json(engine, "select $who as who", "{\"who\": \"Zo\\u00eb\"}", NULL, &json, &error));
  HOLDS(json, "{\"who\":\"Zo\xc3\xab\"}");
  axis_query_options limits = AXIS_QUERY_OPTIONS_INIT;
  limits.max_rows = 3;
  limits.client = "smoke";
  OK(axis_engine_query_json(engine, "select id from shop order by id", NULL, &limits, &json, &error));
  HOLDS(json, "\"rows\":[{\"id\":1},{\"id\":2},{\"id\":3}]");
  OK(axis_questions(&json, &error));
  HOLDS(json, "\"monitoring.summary\"");
  OK(axis_engine_ask(engine, "kpi.filters", NULL, &json, &error));
  axis_text_free(json);

  OK(axis_engine_close(engine, &error));
  OK(axis_engine_close(engine, &error));
  CHECK(axis_engine_is_closed(engine));
  axis_engine_free(engine);
  return 0;
}
