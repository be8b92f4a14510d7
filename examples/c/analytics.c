/* Asks for what a dashboard draws, as JSON.
 *
 * cc analytics.c $(pkg-config --cflags --libs axis) -Wl,-rpath,$(pkg-config --variable=libdir axis) -o analytics
 * ./analytics '{"config": "custom"}' monitoring.trends '{"granularity": "daily"}'
 */
#include <axis.h>
#include <stdio.h>

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  char *answer = NULL;
  if (argc < 3) return 2;
  axis_status status = axis_engine_open(argv[1], &engine, &error);
  if (status == AXIS_OK) status = axis_engine_ask(engine, argv[2], argc > 3 ? argv[3] : NULL, &answer, &error);
  if (status == AXIS_OK) {
    puts(answer);
  } else {
    fprintf(stderr, "%s: %s\n", axis_error_code(error), axis_error_message(error));
  }
  axis_text_free(answer);
  axis_engine_free(engine);
  axis_error_free(error);
  return status == AXIS_OK ? 0 : 1;
}
