/* Opening and closing again and again grows nothing. Arguments: the options of an engine, and how often. */
#include <dirent.h>
#include <sys/resource.h>

#include "check.h"

/* The entries of a directory of this process: its threads, or its open files. */
static int entries(const char *path) {
  int count = 0;
  DIR *directory = opendir(path);
  CHECK(directory != NULL);
  while (readdir(directory) != NULL) count++;
  closedir(directory);
  return count;
}

/* Resident memory in kilobytes. */
static long resident(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  long pages = 0;
  CHECK(file != NULL && fscanf(file, "%*d %ld", &pages) == 1);
  fclose(file);
  return pages * 4;
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  int cycles = atoi(argv[2]), threads = 0, files = 0;
  long before = 0;
  for (int i = 0; i < cycles; i++) {
    axis_error *error = NULL;
    axis_engine *engine = NULL;
    char *json = NULL;
    OK(axis_engine_open(argv[1], &engine, &error));
    OK(axis_engine_query_json(engine, "select 1 as one", NULL, NULL, &json, &error));
    HOLDS(json, "{\"one\":1}");
    /* Half of them are closed by being freed. */
    if (i % 2 == 0) OK(axis_engine_close(engine, &error));
    axis_engine_free(engine);
    FAILS(axis_engine_open("{\"store\": 5}", &engine, &error), AXIS_INVALID_ARGUMENT, "`store`");
    if (i == cycles / 2) {
      before = resident();
      threads = entries("/proc/self/task");
      files = entries("/proc/self/fd");
    }
  }
  long after = resident();
  printf("%d cycles: %ld KB, then %ld KB; %d threads, then %d\n", cycles, before, after, threads, entries("/proc/self/task"));
  /* What has ended may still be counted for a moment; what is left behind each time would be more. */
  CHECK(entries("/proc/self/task") < threads + cycles / 4);
  CHECK(entries("/proc/self/fd") < files + cycles / 4);
  CHECK(after - before < 16 * 1024);
  return 0;
}
