/* Syncs a dataset and says what was done.
 *
 * cc sync.c $(pkg-config --cflags --libs axis) -Wl,-rpath,$(pkg-config --variable=libdir axis) -o sync
 * ./sync '{"config": "custom"}' monitoring
 */
#include <axis.h>
#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  axis_sync_report *report = NULL;
  if (argc != 3) return 2;
  axis_sync_options options = AXIS_SYNC_OPTIONS_INIT;
  options.timeout_ms = 10 * 60 * 1000;
  axis_status status = axis_engine_open(argv[1], &engine, &error);
  if (status == AXIS_OK) status = axis_engine_sync(engine, argv[2], &options, &report, &error);
  if (status == AXIS_OK) {
    const char *strategy = axis_sync_report_is_incremental(report) ? "incremental" : "full";
    printf("%s: %" PRIu64 " rows read, %" PRIu64 " stored, generation %" PRIu64 "\n", strategy,
           axis_sync_report_rows_read(report), axis_sync_report_rows_total(report), axis_sync_report_generation(report));
  } else {
    fprintf(stderr, "%s: %s %s\n", axis_error_code(error), axis_error_message(error), axis_error_context_json(error));
  }
  axis_sync_report_free(report);
  axis_engine_free(engine);
  axis_error_free(error);
  return status == AXIS_OK ? 0 : 1;
}
