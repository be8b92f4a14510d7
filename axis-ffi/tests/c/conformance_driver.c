/* Does one operation a line, as the conformance scenarios ask for: fields between tabs on stdin, `ok` or `error` and JSON on stdout.
 * No JSON is read or made here but texts between quotes: JSON passes as it is. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>

#include "asked.h"

enum { FIELDS = 6, NAMES = 64 };

/* Engines, jobs and queries by the names that the scenario gives them. */
typedef struct {
  char *name;
  void *handle;
} Named;

static Named engines[NAMES], jobs[NAMES], queries[NAMES];

/* The place of a name; an empty one when there is none. */
static Named *find(Named *all, const char *name) {
  Named *empty = NULL;
  for (int i = 0; i < NAMES; i++) {
    if (all[i].name != NULL && strcmp(all[i].name, name) == 0) return &all[i];
    if (all[i].name == NULL && empty == NULL) empty = &all[i];
  }
  CHECK(empty != NULL);
  return empty;
}

static void set(Named *place, const char *name, void *handle) {
  free(place->name);
  place->name = copy(name);
  place->handle = handle;
}

/* Answers, and frees what is answered. */
static void answer(axis_status status, const char *json, axis_error *error) {
  if (status == AXIS_OK) {
    printf("ok\t%s\n", json);
  } else {
    printf("error\t%s\n", axis_error_json(error));
  }
  axis_error_free(error);
}

static void answer_text(axis_status status, char *json, axis_error *error) {
  answer(status, json, error);
  axis_text_free(json);
}

static void answer_flag(axis_status status, bool flag, axis_error *error) { answer(status, flag ? "true" : "false", error); }

static void answer_report(axis_status status, axis_sync_report *report, axis_error *error) {
  answer(status, axis_sync_report_json(report), error);
  axis_sync_report_free(report);
}

/* Appends a code point as UTF-8. */
static char *append(char *out, uint32_t point) {
  if (point < 0x80) {
    *out++ = (char)point;
  } else if (point < 0x800) {
    *out++ = (char)(0xC0 | point >> 6);
    *out++ = (char)(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    *out++ = (char)(0xE0 | point >> 12);
    *out++ = (char)(0x80 | (point >> 6 & 0x3F));
    *out++ = (char)(0x80 | (point & 0x3F));
  } else {
    *out++ = (char)(0xF0 | point >> 18);
    *out++ = (char)(0x80 | (point >> 12 & 0x3F));
    *out++ = (char)(0x80 | (point >> 6 & 0x3F));
    *out++ = (char)(0x80 | (point & 0x3F));
  }
  return out;
}

static uint32_t hex(const char **in) {
  char digits[5] = {0};
  memcpy(digits, *in, 4);
  *in += 4;
  return (uint32_t)strtoul(digits, NULL, 16);
}

/* Reads a JSON string in its own place. What is none, such as null, stays as it is. */
static char *unquoted(char *json) {
  if (json[0] != '"') return json;
  const char *in = json + 1;
  char *out = json;
  while (*in != '"' && *in != 0) {
    if (*in != '\\') {
      *out++ = *in++;
      continue;
    }
    char kind = in[1];
    in += 2;
    if (kind == 'u') {
      uint32_t point = hex(&in);
      if (point >= 0xD800 && point < 0xDC00 && in[0] == '\\' && in[1] == 'u') {
        in += 2;
        point = 0x10000 + ((point - 0xD800) << 10) + (hex(&in) - 0xDC00);
      }
      out = append(out, point);
    } else {
      const char *from = "nrtbf", *to = "\n\r\t\b\f", *found = strchr(from, kind);
      *out++ = found != NULL ? to[found - from] : kind;
    }
  }
  *out = 0;
  return json;
}

/* Prints a text as a JSON string. */
static void print_quoted(const char *text) {
  putchar('"');
  for (; *text != 0; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar(*text);
  }
  putchar('"');
}

/* Reads an answer through Arrow. */
static void query_arrow(axis_engine *engine, const char *sql, const char *params, const axis_query_options *options) {
  axis_error *error = NULL;
  struct ArrowArrayStream stream;
  struct ArrowSchema schema;
  struct ArrowArray array;
  axis_status status = axis_engine_query(engine, sql, params, options, &stream, &error);
  if (status != AXIS_OK) {
    answer(status, NULL, error);
    return;
  }
  int64_t rows = 0;
  int failed = stream.get_schema(&stream, &schema);
  CHECK(failed == 0);
  for (;;) {
    failed = stream.get_next(&stream, &array);
    if (failed != 0 || array.release == NULL) break;
    rows += array.length;
    array.release(&array);
  }
  if (failed != 0) {
    /* The text is the code, a colon, and the message. */
    const char *told = stream.get_last_error(&stream), *code = strstr(told, "AXIS_"), *colon = strchr(code, ':');
    printf("error\t{\"code\":\"%.*s\",\"message\":", (int)(colon - code), code);
    print_quoted(colon + 2);
    puts("}");
  } else {
    printf("ok\t{\"rows\":%" PRId64 ",\"columns\":[", rows);
    for (int64_t i = 0; i < schema.n_children; i++) {
      if (i > 0) putchar(',');
      print_quoted(schema.children[i]->name);
    }
    puts("]}");
  }
  schema.release(&schema);
  stream.release(&stream);
}

/* The distinct names of events as a JSON list. */
typedef struct {
  char list[512];
} Seen;

static void on_progress(void *userdata, const char *event_json) {
  Seen *seen = userdata;
  const char *name = strstr(event_json, "\"event\":");
  CHECK(name != NULL);
  name += strlen("\"event\":");
  char quoted[64] = {0};
  size_t length = strcspn(name + 1, "\"") + 2;
  CHECK(length < sizeof quoted);
  memcpy(quoted, name, length);
  if (strstr(seen->list, quoted) != NULL) return;
  CHECK(strlen(seen->list) + length + 2 < sizeof seen->list);
  if (seen->list[0] != 0) strcat(seen->list, ",");
  strcat(seen->list, quoted);
}

static void progress(axis_engine *engine, const char *dataset, const axis_sync_options *options) {
  axis_error *error = NULL;
  axis_job *job = NULL;
  axis_sync_report *report = NULL;
  Seen seen = {{0}};
  axis_status status = axis_engine_sync_start(engine, dataset, options, on_progress, &seen, &job, &error);
  if (status == AXIS_OK) status = axis_job_wait(job, AXIS_WAIT_FOREVER, &report, &error);
  char list[sizeof seen.list + 2];
  snprintf(list, sizeof list, "[%s]", seen.list);
  answer(status, list, error);
  axis_sync_report_free(report);
  axis_job_free(job);
}

static void open_engine(const char *name, const char *options) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  axis_status status = axis_engine_open(options, &engine, &error);
  if (status == AXIS_OK) {
    Named *place = find(engines, name);
    axis_engine_free(place->handle);
    set(place, name, engine);
  }
  answer(status, "null", error);
}

static bool is(const char *operation, const char *name) { return strcmp(operation, name) == 0; }

/* What names an engine, and does not run long enough to be a job. */
static bool of_engine(char **f, axis_engine *engine) {
  axis_error *error = NULL;
  char *json = NULL;
  bool flag = false;
  axis_sync_options sync = AXIS_SYNC_OPTIONS_INIT;
  axis_verify_options verify = AXIS_VERIFY_OPTIONS_INIT;
  axis_query_options query = AXIS_QUERY_OPTIONS_INIT;
  if (is(f[0], "close")) {
    axis_status status = axis_engine_close(engine, &error);
    answer(status, "null", error);
  } else if (is(f[0], "datasets")) {
    axis_status status = axis_engine_datasets(engine, &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "status")) {
    axis_status status = axis_engine_status(engine, f[2], &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "watermarks")) {
    axis_status status = axis_engine_watermarks(engine, f[2], &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "reset_watermarks")) {
    size_t count = 0;
    char text[24];
    axis_status status = axis_engine_reset_watermarks(engine, f[2], &count, &error);
    snprintf(text, sizeof text, "%zu", count);
    answer(status, text, error);
  } else if (is(f[0], "sync")) {
    axis_sync_report *report = NULL;
    sync.json = f[3];
    axis_status status = axis_engine_sync(engine, f[2], &sync, &report, &error);
    answer_report(status, report, error);
  } else if (is(f[0], "sync_all")) {
    sync.json = f[2];
    axis_status status = axis_engine_sync_all(engine, &sync, &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "cancel_sync")) {
    axis_status status = axis_engine_cancel_sync(engine, f[2], &flag, &error);
    answer_flag(status, flag, error);
  } else if (is(f[0], "verify")) {
    axis_verify_report *report = NULL;
    verify.json = f[3];
    axis_status status = axis_engine_verify(engine, f[2], &verify, &report, &error);
    answer(status, axis_verify_report_json(report), error);
    axis_verify_report_free(report);
  } else if (is(f[0], "verify_all")) {
    verify.json = f[2];
    axis_status status = axis_engine_verify_all(engine, &verify, &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "query") || is(f[0], "query_arrow")) {
    query.json = f[4];
    if (is(f[0], "query_arrow")) {
      query_arrow(engine, unquoted(f[2]), f[3], &query);
      return true;
    }
    axis_status status = axis_engine_query_json(engine, unquoted(f[2]), f[3], &query, &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "queries")) {
    axis_status status = axis_engine_queries(engine, &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "cancel_query")) {
    axis_status status = axis_engine_cancel_query(engine, unquoted(f[2]), &flag, &error);
    answer_flag(status, flag, error);
  } else if (is(f[0], "page")) {
    axis_status status = axis_engine_page(engine, f[2], f[3], &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "metadata")) {
    axis_status status = axis_engine_metadata(engine, f[2], &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "ask")) {
    axis_status status = axis_engine_ask(engine, f[2], f[3], &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "runs")) {
    axis_status status = axis_engine_runs(engine, (uint32_t)strtoul(f[2], NULL, 10), &json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "progress")) {
    sync.json = f[3];
    progress(engine, f[2], &sync);
  } else {
    return false;
  }
  return true;
}

/* What names a job. */
static bool of_job(char **f) {
  axis_error *error = NULL;
  Named *job = find(jobs, f[1]);
  if (is(f[0], "sync_start")) {
    axis_sync_options sync = AXIS_SYNC_OPTIONS_INIT;
    axis_job *started = NULL;
    sync.json = f[4];
    axis_status status = axis_engine_sync_start(find(engines, f[2])->handle, f[3], &sync, NULL, NULL, &started, &error);
    if (status == AXIS_OK) {
      axis_job_free(job->handle);
      set(job, f[1], started);
    }
    answer(status, "null", error);
  } else if (is(f[0], "sync_wait")) {
    axis_sync_report *report = NULL;
    axis_status status = axis_job_wait(job->handle, AXIS_WAIT_FOREVER, &report, &error);
    answer_report(status, report, error);
  } else if (is(f[0], "sync_cancel")) {
    axis_job_cancel(job->handle);
    puts("ok\tnull");
  } else {
    return false;
  }
  return true;
}

/* What names a query that was started. */
static bool of_query(char **f) {
  axis_error *error = NULL;
  char *json = NULL;
  if (is(f[0], "query_start")) {
    Asked *asked = asked_start(find(engines, f[2])->handle, f[1], unquoted(f[3]), f[4], f[5]);
    set(find(queries, f[1]), f[1], asked);
    puts("ok\tnull");
  } else if (is(f[0], "query_wait")) {
    Named *query = find(queries, f[1]);
    CHECK(query->handle != NULL);
    axis_status status = asked_wait(query->handle, &json, &error);
    query->handle = NULL;
    answer_text(status, json, error);
  } else {
    return false;
  }
  return true;
}

static void operate(char **f) {
  axis_error *error = NULL;
  char *json = NULL;
  if (is(f[0], "version")) {
    printf("ok\t\"%s\"\n", axis_version());
  } else if (is(f[0], "questions")) {
    axis_status status = axis_questions(&json, &error);
    answer_text(status, json, error);
  } else if (is(f[0], "open")) {
    open_engine(f[1], f[2]);
  } else if (!of_job(f) && !of_query(f) && !of_engine(f, find(engines, f[1])->handle)) {
    puts("error\t{\"code\":\"unknown\",\"message\":\"the driver does not know the operation\"}");
  }
}

int main(void) {
  char *line = NULL;
  size_t capacity = 0, length = 0;
  int letter;
  while ((letter = getchar()) != EOF) {
    if (length + 1 >= capacity) {
      capacity = capacity * 2 + 256;
      line = realloc(line, capacity);
      CHECK(line != NULL);
    }
    if (letter != '\n') {
      line[length++] = (char)letter;
      continue;
    }
    line[length] = 0;
    length = 0;
    /* Fields that are missing at the end are options that are not given. */
    char nothing[] = "null", *fields[FIELDS], *at = line;
    for (int i = 0; i < FIELDS; i++) {
      fields[i] = at != NULL ? at : nothing;
      if (at != NULL && (at = strchr(at, '\t')) != NULL) *at++ = 0;
    }
    operate(fields);
    fflush(stdout);
  }
  for (int i = 0; i < NAMES; i++) {
    axis_job_free(jobs[i].handle);
    free(jobs[i].name);
    asked_drop(queries[i].handle);
    free(queries[i].name);
  }
  for (int i = 0; i < NAMES; i++) {
    axis_engine_free(engines[i].handle);
    free(engines[i].name);
  }
  free(line);
  return 0;
}
