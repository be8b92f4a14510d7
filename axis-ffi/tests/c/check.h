/* What the tests share: checks that say where they failed, and answers that free themselves of their errors. */
#ifndef CHECK_H
#define CHECK_H

#include <axis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                          \
  do {                                                                            \
    if (!(condition)) {                                                           \
      fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                                    \
    }                                                                             \
  } while (0)

/* The call succeeds. `error` is the variable that its last argument points to. */
#define OK(call)                                                                                      \
  do {                                                                                                \
    axis_status ok_status = (call);                                                                   \
    if (ok_status != AXIS_OK) {                                                                       \
      fprintf(stderr, "%s:%d: %s: %d %s\n", __FILE__, __LINE__, #call, ok_status, axis_error_json(error)); \
      exit(1);                                                                                        \
    }                                                                                                 \
    CHECK(error == NULL);                                                                             \
  } while (0)

/* The call fails with this status, and its message holds these words. */
#define FAILS(call, expected, words)                                                                    \
  do {                                                                                                  \
    axis_status fails_status = (call);                                                                  \
    if (fails_status != (expected) || axis_error_status(error) != (expected) ||                         \
        strstr(axis_error_message(error), (words)) == NULL) {                                           \
      fprintf(stderr, "%s:%d: %s: %d %s\n", __FILE__, __LINE__, #call, fails_status, axis_error_json(error)); \
      exit(1);                                                                                          \
    }                                                                                                   \
    axis_error_free(error);                                                                             \
    error = NULL;                                                                                       \
  } while (0)

/* The text holds these words; it is freed. */
#define HOLDS(text, words)                                                                 \
  do {                                                                                     \
    if (strstr((text), (words)) == NULL) {                                                 \
      fprintf(stderr, "%s:%d: %s is not in %s\n", __FILE__, __LINE__, (words), (text));    \
      exit(1);                                                                             \
    }                                                                                      \
    axis_text_free(text);                                                                  \
    text = NULL;                                                                           \
  } while (0)

#endif
