/* A query that goes on while others are called: a thread of its own waits for its answer. */
#ifndef ASKED_H
#define ASKED_H

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

/* How often is looked whether a query has begun, and nanoseconds between: half a minute together. */
enum { LOOKS = 6000, BETWEEN = 5000000 };

typedef struct {
  axis_engine *engine;
  char *id, *sql, *params, *options;
  pthread_t thread;
  atomic_bool ended;
  /* What has become of it, once the thread has ended. */
  axis_status status;
  char *json;
  axis_error *error;
} Asked;

static char *copy(const char *text) {
  char *copied = malloc(strlen(text) + 1);
  CHECK(copied != NULL);
  return strcpy(copied, text);
}

static void *ask(void *given) {
  Asked *asked = given;
  axis_query_options query = AXIS_QUERY_OPTIONS_INIT;
  query.id = asked->id;
  query.json = asked->options;
  asked->status = axis_engine_query_json(asked->engine, asked->sql, asked->params, &query, &asked->json, &asked->error);
  atomic_store(&asked->ended, true);
  return NULL;
}

/* Whether the query is listed as running. */
static bool runs(const Asked *asked) {
  axis_error *error = NULL;
  char *json = NULL;
  axis_engine_queries(asked->engine, &json, &error);
  const char *state = json != NULL ? strstr(json, asked->id) : NULL;
  if (state != NULL) state = strstr(state, "\"state\":\"");
  bool is_running = state != NULL && strncmp(state, "\"state\":\"running\"", strlen("\"state\":\"running\"")) == 0;
  axis_text_free(json);
  axis_error_free(error);
  return is_running;
}

/* Asks; returns once the query runs, or has ended: nobody is told when it begins. */
static Asked *asked_start(axis_engine *engine, const char *id, const char *sql, const char *params, const char *options) {
  Asked *asked = calloc(1, sizeof *asked);
  CHECK(asked != NULL);
  asked->engine = engine;
  asked->id = copy(id);
  asked->sql = copy(sql);
  asked->params = copy(params);
  asked->options = copy(options);
  CHECK(pthread_create(&asked->thread, NULL, ask, asked) == 0);
  int looks = 0;
  while (!atomic_load(&asked->ended) && !runs(asked)) {
    CHECK(looks++ < LOOKS);
    nanosleep(&(struct timespec){.tv_nsec = BETWEEN}, NULL);
  }
  return asked;
}

/* Waits for what becomes of it, which is the caller's. Frees it. */
static axis_status asked_wait(Asked *asked, char **json, axis_error **error) {
  CHECK(pthread_join(asked->thread, NULL) == 0);
  axis_status status = asked->status;
  *json = asked->json;
  *error = asked->error;
  free(asked->id);
  free(asked->sql);
  free(asked->params);
  free(asked->options);
  free(asked);
  return status;
}

/* Stops what nobody waits for. NULL is nothing. */
static void asked_drop(Asked *asked) {
  if (asked == NULL) return;
  axis_error *error = NULL;
  char *json = NULL;
  bool ended = false;
  axis_engine_cancel_query(asked->engine, asked->id, &ended, &error);
  axis_error_free(error);
  asked_wait(asked, &json, &error);
  axis_text_free(json);
  axis_error_free(error);
}

#endif
