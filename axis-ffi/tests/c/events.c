/* Everything that happens in an engine: heard from the beginning, resumed after an event, and ended by the close. */
#include <pthread.h>

#include "check.h"

/* Takes the value of a text member out of a JSON object that has no escapes there. */
static void member(const char *json, const char *name, char *value, size_t size) {
  char key[32];
  snprintf(key, sizeof key, "\"%s\":\"", name);
  const char *at = strstr(json, key);
  CHECK(at != NULL);
  at += strlen(key);
  size_t length = strcspn(at, "\"");
  CHECK(length < size);
  memcpy(value, at, length);
  value[length] = 0;
}

/* Waits for an event of this name and keeps its id. */
static void until(axis_events *events, const char *wanted, char *id, size_t size) {
  axis_error *error = NULL;
  char name[32] = "";
  while (strcmp(name, wanted) != 0) {
    char *json = NULL;
    OK(axis_events_next(events, AXIS_WAIT_FOREVER, &json, &error));
    CHECK(json != NULL);
    member(json, "event", name, sizeof name);
    member(json, "id", id, size);
    axis_text_free(json);
  }
}

static void *wait_for_the_end(void *events) {
  axis_error *error = NULL;
  char *json = NULL;
  OK(axis_events_next(events, AXIS_WAIT_FOREVER, &json, &error));
  CHECK(json == NULL);
  return NULL;
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  axis_events *events = NULL, *resumed = NULL, *lost = NULL;
  axis_sync_report *report = NULL;
  char *json = NULL, started[64], committed[64], again[64];

  OK(axis_engine_open(argv[1], &engine, &error));
  FAILS(axis_engine_events(engine, NULL, NULL, &error), AXIS_INVALID_ARGUMENT, "events_out");
  OK(axis_engine_events(engine, NULL, &events, &error));
  FAILS(axis_events_next(events, 0, &json, &error), AXIS_TIMEOUT, "nothing has happened");
  FAILS(axis_events_next(NULL, 0, &json, &error), AXIS_INVALID_ARGUMENT, "events");

  OK(axis_engine_sync(engine, "shop", NULL, &report, &error));
  axis_sync_report_free(report);
  until(events, "started", started, sizeof started);
  until(events, "committed", committed, sizeof committed);
  until(events, "readiness", again, sizeof again);
  FAILS(axis_events_next(events, 10, &json, &error), AXIS_TIMEOUT, "nothing has happened");

  OK(axis_engine_events(engine, started, &resumed, &error));
  until(resumed, "planned", again, sizeof again);
  until(resumed, "committed", again, sizeof again);
  CHECK(strcmp(again, committed) == 0);
  axis_events_free(resumed);

  OK(axis_engine_events(engine, "of another engine", &lost, &error));
  until(lost, "lost", again, sizeof again);
  axis_events_free(lost);

  /* The end wakes whoever waits, and a listener outlives its engine. */
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, wait_for_the_end, events) == 0);
  /* Meanwhile nobody else waits longer than asked for. */
  for (int i = 0; i < 20; i++) FAILS(axis_events_next(events, i, &json, &error), AXIS_TIMEOUT, "nothing has happened");
  OK(axis_engine_close(engine, &error));
  CHECK(pthread_join(thread, NULL) == 0);
  axis_engine_free(engine);
  wait_for_the_end(events);
  axis_events_free(events);
  axis_events_free(NULL);
  return 0;
}
