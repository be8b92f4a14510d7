/* Reads the answer of a SELECT batch by batch through the Arrow C stream interface, and adds its first column up.
 *
 * cc arrow.c $(pkg-config --cflags --libs axis) -Wl,-rpath,$(pkg-config --variable=libdir axis) -o arrow
 * ./arrow '{"config": "custom"}' 'select count(*) from monitoring_data where environment = $1' '["prod"]'
 */
#include <axis.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Adds up the values of a column of 64-bit integers that are not null. */
static int64_t sum(const struct ArrowArray *column) {
  const uint8_t *valid = column->buffers[0];
  const int64_t *values = column->buffers[1];
  int64_t total = 0;
  for (int64_t i = column->offset; i < column->offset + column->length; i++) {
    if (valid == NULL || (valid[i / 8] >> (i % 8) & 1)) total += values[i];
  }
  return total;
}

static int read_all(struct ArrowArrayStream *stream) {
  struct ArrowSchema schema;
  struct ArrowArray batch;
  if (stream->get_schema(stream, &schema) != 0) return 1;
  int is_int64 = schema.n_children > 0 && strcmp(schema.children[0]->format, "l") == 0;
  schema.release(&schema);
  int64_t rows = 0, total = 0;
  for (;;) {
    if (stream->get_next(stream, &batch) != 0) {
      fprintf(stderr, "%s\n", stream->get_last_error(stream));
      return 1;
    }
    if (batch.release == NULL) break; /* the end */
    rows += batch.length;
    if (is_int64) total += sum(batch.children[0]);
    batch.release(&batch);
  }
  printf("%" PRId64 " rows, first column %" PRId64 "\n", rows, total);
  return 0;
}

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  struct ArrowArrayStream stream;
  int failed = 1;
  if (argc < 3) return 2;
  if (axis_engine_open(argv[1], &engine, &error) == AXIS_OK &&
      axis_engine_query(engine, argv[2], argc > 3 ? argv[3] : NULL, NULL, &stream, &error) == AXIS_OK) {
    failed = read_all(&stream);
    stream.release(&stream);
  } else {
    fprintf(stderr, "%s: %s\n", axis_error_code(error), axis_error_message(error));
  }
  axis_engine_free(engine);
  axis_error_free(error);
  return failed;
}
