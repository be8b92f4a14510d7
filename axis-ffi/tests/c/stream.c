/* Answers as Arrow streams: values, the end, a failure in the middle, cancelling, and an engine that is freed first. */
#include "check.h"

static const char *ENDLESS = "select range as i from range(1000000000000)";

static void values(axis_engine *engine) {
  axis_error *error = NULL;
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  struct ArrowArray array;
  const char *sql = "select i::bigint as i, case when i % 2 = 0 then 'even ' || i end as t from range(10000) r(i) order by i";
  OK(axis_engine_query(engine, sql, NULL, NULL, &stream, &error));
  CHECK(stream.get_schema(&stream, &schema) == 0);
  CHECK(strcmp(schema.format, "+s") == 0 && schema.n_children == 2);
  CHECK(strcmp(schema.children[0]->format, "l") == 0 && strcmp(schema.children[0]->name, "i") == 0);
  CHECK(strcmp(schema.children[1]->format, "u") == 0 && strcmp(schema.children[1]->name, "t") == 0);
  schema.release(&schema);
  int64_t rows = 0;
  for (;;) {
    CHECK(stream.get_next(&stream, &array) == 0);
    if (array.release == NULL) break;
    struct ArrowArray *ints = array.children[0], *texts = array.children[1];
    const int64_t *values = (const int64_t *)ints->buffers[1] + ints->offset;
    const int32_t *ends = (const int32_t *)texts->buffers[1] + texts->offset;
    for (int64_t i = 0; i < array.length; i++) {
      char expected[32];
      int length = (rows + i) % 2 == 0 ? snprintf(expected, sizeof expected, "even %lld", (long long)(rows + i)) : 0;
      CHECK(values[i] == rows + i);
      CHECK(ends[i + 1] - ends[i] == length);
      CHECK(memcmp((const char *)texts->buffers[2] + ends[i], expected, (size_t)length) == 0);
    }
    rows += array.length;
    array.release(&array);
  }
  CHECK(rows == 10000);
  CHECK(stream.get_next(&stream, &array) == 0 && array.release == NULL);
  stream.release(&stream);
}

/* Reads on until the stream fails, and checks what it says. */
static void fails(struct ArrowArrayStream *stream, const char *words) {
  struct ArrowArray array;
  while (stream->get_next(stream, &array) == 0) {
    CHECK(array.release != NULL);
    array.release(&array);
  }
  CHECK(strstr(stream->get_last_error(stream), words) != NULL);
}

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  CHECK(argc == 2);
  OK(axis_engine_open(argv[1], &engine, &error));
  values(engine);

  struct ArrowArrayStream stream;
  const char *late = "select case when i = 900000 then error('sorry') else i end as i from range(1000000) r(i)";
  OK(axis_engine_query(engine, late, NULL, NULL, &stream, &error));
  fails(&stream, "AXIS_QUERY: ");
  stream.release(&stream);

  axis_query_options options = AXIS_QUERY_OPTIONS_INIT;
  options.timeout_ms = 200;
  OK(axis_engine_query(engine, ENDLESS, NULL, &options, &stream, &error));
  fails(&stream, "AXIS_TIMEOUT: ");
  stream.release(&stream);

  options.timeout_ms = 0;
  options.id = "6a6e8a1c-0000-4000-8000-00000000c0de";
  options.client = "stream.c";
  OK(axis_engine_query(engine, ENDLESS, NULL, &options, &stream, &error));
  struct ArrowArrayStream same;
  FAILS(axis_engine_query(engine, "select 1", NULL, &options, &same, &error), AXIS_INVALID_ARGUMENT, "id");
  char *json = NULL;
  OK(axis_engine_queries(engine, &json, &error));
  HOLDS(json, "\"client\":\"stream.c\"");
  bool ended = false;
  OK(axis_engine_cancel_query(engine, options.id, &ended, &error));
  CHECK(ended);
  fails(&stream, "AXIS_CANCELLED: ");
  stream.release(&stream);

  /* A stream that is dropped in the middle, and one that outlives its engine. */
  struct ArrowArray array;
  OK(axis_engine_query(engine, ENDLESS, NULL, NULL, &stream, &error));
  CHECK(stream.get_next(&stream, &array) == 0 && array.length > 0);
  array.release(&array);
  stream.release(&stream);
  OK(axis_engine_query(engine, ENDLESS, NULL, NULL, &stream, &error));
  axis_engine_free(engine);
  for (int i = 0; i < 10; i++) {
    CHECK(stream.get_next(&stream, &array) == 0 && array.length > 0);
    if (i < 9) array.release(&array);
  }
  FAILS(axis_engine_open(argv[1], &engine, &error), AXIS_LOCKED, "in use");
  stream.release(&stream);
  /* An array outlives its stream. */
  CHECK(((const int64_t *)array.children[0]->buffers[1])[0] > 0);
  array.release(&array);

  /* Closing ends a stream. */
  OK(axis_engine_open(argv[1], &engine, &error));
  OK(axis_engine_query(engine, ENDLESS, NULL, NULL, &stream, &error));
  OK(axis_engine_close(engine, &error));
  fails(&stream, "AXIS_CANCELLED: ");
  axis_engine_free(engine);
  stream.release(&stream);
  return 0;
}
