/* Backups while an engine is used, restoring them, and compacting.
 * Arguments: the options of an engine over a hundred orders, its store, and an empty directory. */
#include <dirent.h>
#include <time.h>

#include "check.h"

/* How often is tried to give up work before it is done, which may be quicker. */
enum { TRIES = 20, LONGEST = 1024 };

static char directory[LONGEST / 2];

/* The path of something in the directory; good until the next but seven. */
static const char *at(const char *name) {
  static char paths[8][LONGEST];
  static int next;
  char *path = paths[next++ % 8];
  CHECK(snprintf(path, LONGEST, "%s/%s", directory, name) < LONGEST);
  return path;
}

/* Options that name a store and, unless that is NULL, one more member. */
static const char *naming(const char *store, const char *more) {
  static char options[LONGEST];
  CHECK(snprintf(options, LONGEST, "{\"store\": \"%s\"%s%s}", store, more ? ", " : "", more ? more : "") < LONGEST);
  return options;
}

static bool exists(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file != NULL) fclose(file);
  return file != NULL;
}

/* How many files of a directory have names that begin so. */
static int count(const char *path, const char *beginning) {
  DIR *listed = opendir(path);
  CHECK(listed != NULL);
  int found = 0;
  for (struct dirent *entry; (entry = readdir(listed)) != NULL;) {
    if (entry->d_name[0] != '.') found += strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
  }
  closedir(listed);
  return found;
}

typedef struct {
  char stages[4][16];
  int count;
  uint64_t done, total;
  /* What is asked from inside of the callback, if not NULL. */
  axis_engine *engine;
  bool goes_on;
} Seen;

static bool on_progress(void *userdata, const char *stage, uint64_t done, uint64_t total) {
  Seen *seen = userdata;
  CHECK(done <= total);
  seen->done = done;
  seen->total = total;
  if (seen->count == 0 || strcmp(seen->stages[seen->count - 1], stage) != 0) {
    CHECK(seen->count < 4 && strlen(stage) < sizeof seen->stages[0]);
    strcpy(seen->stages[seen->count++], stage);
  }
  if (seen->engine != NULL) {
    axis_error *error = NULL;
    char *json = NULL;
    OK(axis_engine_query_json(seen->engine, "select 1 as one", NULL, NULL, &json, &error));
    HOLDS(json, "{\"one\":1}");
  }
  return seen->goes_on;
}

static void saw(const Seen *seen, const char *first, const char *second) {
  CHECK(seen->count == (second == NULL ? 1 : 2) && strcmp(seen->stages[0], first) == 0);
  CHECK(second == NULL || strcmp(seen->stages[1], second) == 0);
  CHECK(seen->done == seen->total && seen->total > 0);
}

static void refused(axis_engine *engine, const char *store) {
  axis_error *error = NULL;
  char *json = NULL;
  const char *file = at("b.axis"), *other = at("other.duckdb");
  axis_backup_options options = AXIS_BACKUP_OPTIONS_INIT;
  options.format = 7;
  FAILS(axis_engine_backup(engine, at("x"), &options, NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT, "`format`");
  options.format = AXIS_BACKUP_FORMAT_DUCKDB;
  options.json = "{\"format\": \"zip\"}";
  FAILS(axis_engine_backup(engine, at("x"), &options, NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT, "duckdb, parquet");
  options.struct_size = 1;
  FAILS(axis_engine_backup(engine, at("x"), &options, NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT, "AXIS_BACKUP_OPTIONS_INIT");
  FAILS(axis_engine_backup(engine, NULL, NULL, NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT, "`path` is NULL");
  FAILS(axis_engine_backup(engine, at("x"), NULL, NULL, NULL, NULL, &error), AXIS_INVALID_ARGUMENT, "`json_out` is NULL");
  FAILS(axis_engine_backup(engine, store, NULL, NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT, "no backup");
  FAILS(axis_restore(file, naming(other, "\"scheduler\": true"), NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT,
        "`scheduler` is no member of the restore options; there are store, config, env, force");
  FAILS(axis_restore(file, naming(other, "\"force\": 1"), NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT, "`force`");
  FAILS(axis_restore(at("nothing"), naming(other, NULL), NULL, NULL, &json, &error), AXIS_NOT_FOUND, "no backup at");
  FAILS(axis_restore(file, naming(store, "\"force\": true"), NULL, NULL, &json, &error), AXIS_LOCKED, "in use");
  FAILS(axis_compact(naming(store, "\"force\": true"), NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT,
        "`force` is no member of the compact options; there are store, config, env");
  FAILS(axis_compact(naming(store, NULL), NULL, NULL, &json, &error), AXIS_LOCKED, "in use");
  FAILS(axis_compact(naming(at("nothing"), NULL), NULL, NULL, &json, &error), AXIS_NOT_FOUND, "no store");
  CHECK(json == NULL);
}

/* What is cancelled leaves nothing behind. */
static void given_up(axis_engine *engine) {
  axis_error *error = NULL;
  char *json = NULL;
  const char *file = at("b.axis"), *given = at("given.axis"), *store = at("given.duckdb");
  for (int made = 0; made < 2; made++) {
    for (int tries = 0;; tries++) {
      Seen seen = {0};
      const char *path = made == 0 ? given : store;
      axis_status status = made == 0 ? axis_engine_backup(engine, given, NULL, on_progress, &seen, &json, &error)
                                     : axis_restore(file, naming(store, NULL), on_progress, &seen, &json, &error);
      CHECK(seen.count > 0 && tries < TRIES);
      if (status == AXIS_CANCELLED) {
        CHECK(!exists(path) && json == NULL);
        axis_error_free(error);
        error = NULL;
        break;
      }
      /* It was done before it heard of it. */
      CHECK(status == AXIS_OK && remove(path) == 0);
      axis_text_free(json);
      json = NULL;
    }
  }
  CHECK(count(directory, "given") == 1 && exists(at("given.duckdb.lock")));
}

/* Backups that the scheduler makes tell how they go. */
static void scheduled(void) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  char more[2 * LONGEST], *json = NULL;
  const char *member = "\"scheduler\": true, \"config\": {\"duckdb\": {\"backup\": {\"directory\": \"%s\"}}}";
  CHECK(snprintf(more, sizeof more, member, at("by-the-clock")) < (int)sizeof more);
  OK(axis_engine_open(naming(at("own.duckdb"), more), &engine, &error));
  bool made = false;
  for (int tries = 0; !made; tries++) {
    CHECK(tries < 12000);
    OK(axis_engine_backup_status(engine, &json, &error));
    made = strstr(json, "\"last_success\":\"") != NULL;
    CHECK(strstr(json, "\"last_failure\":null") != NULL && strstr(json, "by-the-clock") != NULL);
    axis_text_free(json);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  }
  OK(axis_engine_close(engine, &error));
  axis_engine_free(engine);
  CHECK(count(at("by-the-clock"), "own-") == 1);
}

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL, *other = NULL;
  axis_sync_report *report = NULL;
  char *json = NULL;
  CHECK(argc == 4 && strlen(argv[3]) < sizeof directory);
  strcpy(directory, argv[3]);
  OK(axis_engine_open(argv[1], &engine, &error));
  OK(axis_engine_sync(engine, "shop", NULL, &report, &error));
  axis_sync_report_free(report);

  Seen seen = {.engine = engine, .goes_on = true};
  OK(axis_engine_backup(engine, at("b.axis"), NULL, on_progress, &seen, &json, &error));
  saw(&seen, "copying", "writing");
  CHECK(strstr(json, "\"shop\":{\"generation\":1") != NULL);
  HOLDS(json, "\"format\":\"duckdb\"");
  axis_backup_options options = AXIS_BACKUP_OPTIONS_INIT;
  options.format = AXIS_BACKUP_FORMAT_PARQUET;
  OK(axis_engine_backup(engine, at("folder"), &options, NULL, NULL, &json, &error));
  HOLDS(json, "\"format\":\"parquet\"");
  FAILS(axis_engine_backup(engine, at("folder"), &options, NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT, "exists already");
  CHECK(exists(at("folder/manifest.json")) && count(at("folder"), "main.") > 0);
  refused(engine, argv[2]);
  given_up(engine);
  OK(axis_engine_close(engine, &error));
  FAILS(axis_engine_backup(engine, at("b.axis"), NULL, NULL, NULL, &json, &error), AXIS_CLOSED, "closed");
  axis_engine_free(engine);

  /* The rows of both forms, in another place. */
  const char *forms[2] = {"b.axis", "folder"}, *stages[2] = {NULL, "loading"};
  for (int form = 0; form < 2; form++) {
    seen = (Seen){.goes_on = true};
    const char *store = at(form == 0 ? "b.duckdb" : "folder.duckdb");
    OK(axis_restore(at(forms[form]), naming(store, NULL), on_progress, &seen, &json, &error));
    saw(&seen, "checking", stages[form]);
    HOLDS(json, "\"replaced\":false");
    FAILS(axis_restore(at(forms[form]), naming(store, NULL), NULL, NULL, &json, &error), AXIS_INVALID_ARGUMENT, "a store already");
    OK(axis_engine_open(naming(store, NULL), &other, &error));
    OK(axis_engine_query_json(other, "select count(*) as n, max(name) as name from shop", NULL, NULL, &json, &error));
    HOLDS(json, "\"rows\":[{\"n\":100,\"name\":\"order 99\"}]");
    axis_engine_free(other);
  }

  /* Back to where it came from: the next sync goes on from there. */
  OK(axis_restore(at("b.axis"), naming(argv[2], "\"force\": true"), NULL, NULL, &json, &error));
  HOLDS(json, "\"replaced\":true");
  seen = (Seen){.goes_on = true};
  OK(axis_compact(naming(argv[2], NULL), on_progress, &seen, &json, &error));
  saw(&seen, "writing", NULL);
  HOLDS(json, "\"bytes_after\":");
  OK(axis_engine_open(argv[1], &engine, &error));
  OK(axis_engine_sync(engine, "shop", NULL, &report, &error));
  CHECK(axis_sync_report_is_incremental(report) && axis_sync_report_rows_total(report) == 100);
  axis_sync_report_free(report);
  OK(axis_engine_backup_status(engine, &json, &error));
  HOLDS(json, "null");
  axis_engine_free(engine);

  scheduled();
  return 0;
}
