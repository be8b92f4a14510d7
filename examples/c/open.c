/* Opens an engine and prints what it knows of its datasets.
 *
 * cc open.c $(pkg-config --cflags --libs axis) -Wl,-rpath,$(pkg-config --variable=libdir axis) -o open
 * ./open '{"config": "custom"}'
 */
#include <axis.h>
#include <stdio.h>

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  char *datasets = NULL;
  axis_status status = axis_engine_open(argc > 1 ? argv[1] : NULL, &engine, &error);
  if (status == AXIS_OK) status = axis_engine_datasets(engine, &datasets, &error);
  if (status == AXIS_OK) {
    printf("AXIS %s: %s\n", axis_version(), datasets);
  } else {
    fprintf(stderr, "%s: %s\n", axis_error_code(error), axis_error_message(error));
  }
  axis_text_free(datasets);
  axis_engine_free(engine); /* closes it, too */
  axis_error_free(error);
  return status == AXIS_OK ? 0 : 1;
}
