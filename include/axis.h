/*
 * AXIS for C: keeps a local DuckDB file exactly equal to what SQL queries return from PostgreSQL, and answers questions from it.
 *
 * This file is made from the library's source by `AXIS_BLESS=1 cargo test -p axis-ffi header`. Do not edit it.
 *
 * Conventions, which hold for every function:
 *
 *  1. Texts are UTF-8 and end with NUL. The library copies what it is given before it returns.
 *  2. A function that can fail returns an axis_status. Outputs come last, end in `_out`, and are written only on success.
 *     `error_out` may be NULL; when it is not, a failure writes an error there, and a success leaves it alone: begin with NULL.
 *  3. `axis_X **x_out` hands over ownership: free it once, with axis_X_free. `char **..._out` is a text to be freed with
 *     axis_text_free. Freeing NULL is fine. A `const char *` that is returned is borrowed; each function says from whom.
 *  4. NULL for what is needed, texts that are not UTF-8 and handles of the wrong kind are AXIS_INVALID_ARGUMENT, never a crash.
 *  5. Choices that are passed in are plain integers; one that is not known is AXIS_INVALID_ARGUMENT.
 *  6. A panic of the library becomes AXIS_INTERNAL. The engine in which it happened answers AXIS_CLOSED from then on, and is
 *     still to be freed.
 *  7. Engines, jobs, reports and errors may be used by several threads at once, except while they are freed. An ArrowArrayStream
 *     is read by one thread at a time. Callbacks run on threads of the library unless they say otherwise, take `userdata` first,
 *     and their arguments live for the call. After a fork the parent goes on; in a child of a process that has opened an engine
 *     every function that can fail is AXIS_CLOSED, and nothing that has threads is freed: they did not come along. The child may
 *     call exec.
 *  8. Handles are freed in any order: a job or a stream keeps alive what it needs of its engine.
 *  9. Options begin with `struct_size`: initialise them with their ..._INIT. The library reads no further than that. Numbers are
 *     never given another meaning, and functions are only added within a major version, which the SONAME carries.
 * 10. The structures of the Arrow C interfaces stand here under their usual guards: other headers may define them, too.
 *
 * The same words as in the other languages; what is JSON here has the same members there.
 */

#ifndef AXIS_H
#define AXIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
  int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
  const char *(*get_last_error)(struct ArrowArrayStream *);
  void (*release)(struct ArrowArrayStream *);
  void *private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

#ifdef __cplusplus
}
#endif

// The timeout of axis_job_wait that never ends.
#define AXIS_WAIT_FOREVER UINT64_MAX

// Nothing is logged.
#define AXIS_LOG_OFF 0

// What went wrong.
#define AXIS_LOG_ERROR 1

// And what may go wrong.
#define AXIS_LOG_WARN 2

// And what was done.
#define AXIS_LOG_INFO 3

// And why.
#define AXIS_LOG_DEBUG 4

// And everything else.
#define AXIS_LOG_TRACE 5

// Incremental where possible.
#define AXIS_SYNC_MODE_AUTO 0

// A rebuild of every table.
#define AXIS_SYNC_MODE_FULL 1

// Incremental, and rows that were deleted in the source are looked for.
#define AXIS_SYNC_MODE_RECONCILE 2

// One file, with the DuckDB file in it.
#define AXIS_BACKUP_FORMAT_DUCKDB 0

// A folder with a Parquet file a table.
#define AXIS_BACKUP_FORMAT_PARQUET 1

// The first part of the version. While it is 0, a new second part may change anything.
#define AXIS_VERSION_MAJOR 0

// The second part of the version.
#define AXIS_VERSION_MINOR 1

// The third part of the version.
#define AXIS_VERSION_PATCH 0

// The version as one number that grows: major * 1000000 + minor * 1000 + patch.
#define AXIS_VERSION_NUMBER 1000

// An open engine. May be used from any thread, by several at once.
typedef struct axis_engine axis_engine;

// An error. Immutable; may be read from any thread.
typedef struct axis_error axis_error;

// A listener to everything that happens in an engine. May be used from any thread; several get different events.
typedef struct axis_events axis_events;

// A sync that was started. May be waited for and cancelled from any thread.
typedef struct axis_job axis_job;

// What a sync did. Immutable; may be read from any thread.
typedef struct axis_sync_report axis_sync_report;

// What a comparison of source and store found. Immutable; may be read from any thread.
typedef struct axis_verify_report axis_verify_report;

// What became of a call: `AXIS_OK`, or the number of an error kind. Numbers are never reused.
typedef int32_t axis_status;

// How to sync. Begin with AXIS_SYNC_OPTIONS_INIT.
typedef struct axis_sync_options {
  // The size of the structure.
  size_t struct_size;
  // AXIS_SYNC_MODE_AUTO, AXIS_SYNC_MODE_FULL or AXIS_SYNC_MODE_RECONCILE.
  uint32_t mode;
  // The longest time in milliseconds; 0 for that of the dataset.
  uint64_t timeout_ms;
  // A JSON object of options as in other languages, {"mode": "full", "timeout_ms": 1000}; its members win. NULL for none.
  const char *json;
} axis_sync_options;

// Hears of each event of a sync: a JSON object whose `event` is `started`, `planned`, `progress`, `committed` or `failed`.
//
// Called on a thread of the library, one event at a time; `userdata` is what was given to axis_engine_sync_start, and `event_json`
// lives for the call. A callback that is slow loses the oldest events and does not hold the sync up. It must not throw, and not
// wait for or free its job.
typedef void (*axis_progress_callback)(void *userdata, const char *event_json);

// Hears of what the library logs. Called on any thread, by several at once; the texts live for the call. It must not throw.
typedef void (*axis_log_callback)(void *userdata, uint32_t level, const char *target, const char *message);

// How to query. Begin with AXIS_QUERY_OPTIONS_INIT.
typedef struct axis_query_options {
  // The size of the structure.
  size_t struct_size;
  // The longest time in milliseconds, reading of the answer included; 0 for none.
  uint64_t timeout_ms;
  // The most rows; 0 for all.
  uint64_t max_rows;
  // The UUID by which the query can be cancelled; NULL for a new one.
  const char *id;
  // Who asks, for the list of queries; NULL for nobody.
  const char *client;
  // A JSON object of options as in other languages, {"timeout_ms": 1000, "max_rows": 10}; its members win. NULL for none.
  const char *json;
} axis_query_options;

// How to back up. Begin with AXIS_BACKUP_OPTIONS_INIT.
typedef struct axis_backup_options {
  // The size of the structure.
  size_t struct_size;
  // AXIS_BACKUP_FORMAT_DUCKDB or AXIS_BACKUP_FORMAT_PARQUET.
  uint32_t format;
  // A JSON object of options as in other languages, {"format": "parquet"}; its members win. NULL for none.
  const char *json;
} axis_backup_options;

// Hears how far a backup, a restore or a compaction is: what is being done (`copying`, `writing`, `checking` or `loading`), and how
// much of how much of that is done, in bytes or tables. Returns whether to go on: false cancels the work, unless it ends sooner.
//
// Called on the thread that waits for the work, which goes on meanwhile; `stage` lives for the call. It may call other functions of the
// engine, but must not throw.
typedef bool (*axis_backup_callback)(void *userdata, const char *stage, uint64_t done, uint64_t total);

// How to verify. Begin with AXIS_VERIFY_OPTIONS_INIT.
typedef struct axis_verify_options {
  // The size of the structure.
  size_t struct_size;
  // 1 to sync first and compare in the snapshot of that sync, 0 to compare what is there.
  uint32_t sync;
  // The longest time in milliseconds; 0 for that of the dataset.
  uint64_t timeout_ms;
  // A JSON object of options as in other languages, {"sync": true, "timeout_ms": 1000}; its members win. NULL for none.
  const char *json;
} axis_verify_options;

// The call succeeded.
#define AXIS_OK 0

// A configuration file, or a variable that stands in for one, is wrong.
#define AXIS_CONFIG 100

// An argument of the call is wrong.
#define AXIS_INVALID_ARGUMENT 101

// The thing that the call names does not exist.
#define AXIS_NOT_FOUND 102

// The dataset exists but was never synced.
#define AXIS_NOT_SYNCED 200

// The dataset is being synced already; may be tried again.
#define AXIS_BUSY 201

// Another process, or another engine of this process, holds the store; may be tried again.
#define AXIS_LOCKED 202

// The engine was closed.
#define AXIS_CLOSED 203

// The work was cancelled by somebody.
#define AXIS_CANCELLED 204

// The work took longer than it was allowed to; may be tried again.
#define AXIS_TIMEOUT 205

// The source cannot be reached; may be tried again.
#define AXIS_SOURCE_UNAVAILABLE 300

// The source was reached and refused.
#define AXIS_SOURCE_REJECTED 301

// The source answers with columns or values that the store cannot take as configured.
#define AXIS_SCHEMA_MISMATCH 302

// The SQL that was sent to the store is wrong.
#define AXIS_QUERY 400

// The store cannot be opened, read or written.
#define AXIS_STORE 401

// A defect of AXIS.
#define AXIS_INTERNAL 900

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Opens an engine.
//
// The options are a JSON object, or NULL: `store` (path), `config` (a directory, or an object of files), `env` (an object of
// variables in addition to the environment), `scheduler` (boolean), `take_over_seconds` (3 to 86400). Without store and config the directory is
// the one that the `axis` command would take.
//
// Errors: AXIS_CONFIG, AXIS_INVALID_ARGUMENT, AXIS_LOCKED when another engine holds the store, AXIS_STORE.
axis_status axis_engine_open(const char *options_json,
                             struct axis_engine **engine_out,
                             struct axis_error **error_out);

// Closes an engine: cancels what runs, refuses new work, and lets go of the store. Waits until that is done; again is fine.
//
// Afterwards every other function answers AXIS_CLOSED. The engine is still to be freed.
axis_status axis_engine_close(struct axis_engine *engine,
                              struct axis_error **error_out);

// Frees an engine, which closes with the last of it, its jobs and its streams. NULL is fine.
void axis_engine_free(struct axis_engine *engine);

// Tells whether an engine was closed; true for NULL.
bool axis_engine_is_closed(const struct axis_engine *engine);

// Writes the names of the datasets as a JSON list, in the order of the configuration.
axis_status axis_engine_datasets(const struct axis_engine *engine, char **json_out, struct axis_error **error_out);

// Writes the newest runs of all datasets as a JSON list, newest first.
//
// Errors: AXIS_STORE, AXIS_CLOSED.
axis_status axis_engine_runs(const struct axis_engine *engine,
                             uint32_t limit,
                             char **json_out,
                             struct axis_error **error_out);

// Writes how much is in use as a JSON object: store_bytes, query_slots (queries that may run at once), queries_running,
// queries_waiting.
axis_status axis_engine_usage(const struct axis_engine *engine, char **json_out, struct axis_error **error_out);

// Asks the analytics a question, such as `monitoring.summary`, and writes the answer as JSON.
//
// The request is a JSON object of filters and settings, or NULL. axis_questions lists the questions.
//
// Errors: AXIS_NOT_FOUND for a question that is none, AXIS_INVALID_ARGUMENT for the request, AXIS_NOT_SYNCED, AXIS_STORE.
axis_status axis_engine_ask(const struct axis_engine *engine,
                            const char *question,
                            const char *request_json,
                            char **json_out,
                            struct axis_error **error_out);

// Writes the questions of the analytics as a JSON list.
axis_status axis_questions(char **json_out, struct axis_error **error_out);

// Returns the status that the call returned; AXIS_OK for NULL.
axis_status axis_error_status(const struct axis_error *error);

// Returns the code that is the same in every language, such as `AXIS_BUSY`. Borrowed from the error; NULL for NULL.
const char *axis_error_code(const struct axis_error *error);

// Returns what was wrong, in one line without secrets. Borrowed from the error; NULL for NULL.
const char *axis_error_message(const struct axis_error *error);

// Returns what was being done, such as `sync.read`, or an empty text. Borrowed from the error; NULL for NULL.
const char *axis_error_operation(const struct axis_error *error);

// Tells whether the same call, unchanged, may succeed later.
bool axis_error_is_retryable(const struct axis_error *error);

// Returns the dataset, the table and other facts as a JSON object of texts. Borrowed from the error; NULL for NULL.
const char *axis_error_context_json(const struct axis_error *error);

// Returns everything as one JSON object: code, number, message, operation, retryable, context. Borrowed from the error; NULL for
// NULL.
const char *axis_error_json(const struct axis_error *error);

// Frees an error. NULL is fine.
void axis_error_free(struct axis_error *error);

// Listens to an engine: from now on, or from after the event whose `id` is given, as far as the events are kept. NULL for the id is
// from now on.
//
// The listener keeps neither the engine nor its store open.
axis_status axis_engine_events(const struct axis_engine *engine,
                               const char *after_id,
                               struct axis_events **events_out,
                               struct axis_error **error_out);

// Waits for the next event and writes it as a JSON object, to be freed with axis_text_free; NULL when the engine was closed and
// everything has been told.
//
// Every event has `id`, `at` and `event`: `started`, `planned`, `progress`, `committed`, `failed`, `verifying`, `verified`,
// `readiness` (the engine as a whole has become ready, or degraded), or `lost` where events are missing because the listener was
// more than 1,024 of them behind.
//
// Errors: AXIS_TIMEOUT when nothing has happened for `timeout_ms`, which may be 0 or AXIS_WAIT_FOREVER.
axis_status axis_events_next(const struct axis_events *events,
                             uint64_t timeout_ms,
                             char **event_json_out,
                             struct axis_error **error_out);

// Frees a listener that nobody waits for. NULL is fine.
void axis_events_free(struct axis_events *events);

// Starts a sync in the background. NULL for the options is their defaults, NULL for the callback no progress.
//
// Errors: AXIS_BUSY, AXIS_CONFIG, AXIS_NOT_FOUND; everything else is told by axis_job_wait.
axis_status axis_engine_sync_start(const struct axis_engine *engine,
                                   const char *dataset,
                                   const struct axis_sync_options *options,
                                   axis_progress_callback on_progress,
                                   void *userdata,
                                   struct axis_job **job_out,
                                   struct axis_error **error_out);

// Waits for a job and writes the report of its sync. May be called again, and by several threads; each gets a report of its own.
//
// When it has returned anything but AXIS_TIMEOUT of a job that goes on, the callback is not called any more.
//
// Errors: those of axis_engine_sync; AXIS_TIMEOUT with the operation `job.wait` when the sync goes on after `timeout_ms`, which may
// be 0 or AXIS_WAIT_FOREVER.
axis_status axis_job_wait(const struct axis_job *job,
                          uint64_t timeout_ms,
                          struct axis_sync_report **report_out,
                          struct axis_error **error_out);

// Cancels the sync of a job, which then ends with AXIS_CANCELLED unless it has begun to commit. Never waits; any thread, any time.
// NULL is fine.
void axis_job_cancel(const struct axis_job *job);

// Returns the id of the run, as the report and the events have it. Borrowed from the job; NULL for NULL.
const char *axis_job_run_id(const struct axis_job *job);

// Cancels the sync of a job if it still runs, waits until its callback is not called any more, and frees it. NULL is fine.
void axis_job_free(struct axis_job *job);

// Sets the callback that hears of what all engines of this process log, up to a level; NULL for none. When it has returned with
// AXIS_OK, the callback of before is not called any more.
//
// Errors: AXIS_INVALID_ARGUMENT for an unknown level, inside of the callback, and when the program, being Rust, listens itself.
// AXIS_TIMEOUT when the callback of before does not return within two seconds: the new one is set, and what the one of before uses
// must live until it returns. So it is when it waits for this call.
axis_status axis_log_set(axis_log_callback callback,
                         void *userdata,
                         uint32_t level,
                         struct axis_error **error_out);

// Runs a SELECT and writes its answer as an Arrow stream. The caller releases the stream and each array, in any order with the
// engine. One thread reads at a time.
//
// The values are a JSON list for `?` and `$1`, a JSON object for `$name`, or NULL. NULL for the options is their defaults.
// What goes wrong while it is read is told by `get_last_error` of the stream: a text that ends with the code, a colon, the message.
// An answer that is not read to its end holds one of the slots that axis_engine_usage tells until it is released, or until the
// timeout of the options, which covers the reading. TIME WITH TIME ZONE, UHUGEINT, BIT and BIGNUM come as text.
//
// Errors: AXIS_QUERY when it is not one SELECT or cannot be run, AXIS_INVALID_ARGUMENT, AXIS_TIMEOUT, AXIS_CANCELLED.
axis_status axis_engine_query(const struct axis_engine *engine,
                              const char *sql,
                              const char *params_json,
                              const struct axis_query_options *options,
                              struct ArrowArrayStream *stream_out,
                              struct axis_error **error_out);

// Runs a SELECT and writes its whole answer as a JSON object: columns (name and type each) and rows. For small answers.
//
// Arguments and errors are those of axis_engine_query.
axis_status axis_engine_query_json(const struct axis_engine *engine,
                                   const char *sql,
                                   const char *params_json,
                                   const struct axis_query_options *options,
                                   char **json_out,
                                   struct axis_error **error_out);

// Writes the queries that wait or run as a JSON list, the oldest first.
axis_status axis_engine_queries(const struct axis_engine *engine, char **json_out, struct axis_error **error_out);

// Cancels a query by its id, waits up to two seconds for its end, and writes whether it has ended.
//
// Errors: AXIS_NOT_FOUND when no query of this id runs.
axis_status axis_engine_cancel_query(const struct axis_engine *engine,
                                     const char *id,
                                     bool *ended_out,
                                     struct axis_error **error_out);

// Writes what is known about a dataset as a JSON object, without I/O.
//
// Errors: AXIS_NOT_FOUND, AXIS_CLOSED, as of every function that names a dataset.
axis_status axis_engine_status(const struct axis_engine *engine,
                               const char *dataset,
                               char **json_out,
                               struct axis_error **error_out);

// Writes the watermarks that the last commit stored as a JSON list, one for each table that has one.
axis_status axis_engine_watermarks(const struct axis_engine *engine,
                                   const char *dataset,
                                   char **json_out,
                                   struct axis_error **error_out);

// Forgets the watermarks of a dataset, so that the next sync is a full rebuild, and writes how many there were. Data stays.
//
// Errors: AXIS_BUSY, AXIS_INVALID_ARGUMENT when no table has an `incremental_column`, AXIS_STORE, AXIS_LOCKED.
axis_status axis_engine_reset_watermarks(const struct axis_engine *engine,
                                         const char *dataset,
                                         size_t *count_out,
                                         struct axis_error **error_out);

// Writes what a dataset holds as a JSON object: columns, filter values, time range; `null` when it was never synced.
//
// Errors: AXIS_STORE.
axis_status axis_engine_metadata(const struct axis_engine *engine,
                                 const char *dataset,
                                 char **json_out,
                                 struct axis_error **error_out);

// Writes one page of a dataset as a JSON object: rows, total, page, page_size.
//
// The request is a JSON object, or NULL: page, page_size, sort_by, direction ("asc", "desc"), columns, and filters.
//
// Errors: AXIS_INVALID_ARGUMENT, AXIS_STORE.
axis_status axis_engine_page(const struct axis_engine *engine,
                             const char *dataset,
                             const char *request_json,
                             char **json_out,
                             struct axis_error **error_out);

// Tells whether readers see anything new; false for NULL.
bool axis_sync_report_changed(const struct axis_sync_report *report);

// Tells whether every table was brought up to date by a part of it alone; false when any was read whole, and for NULL.
bool axis_sync_report_is_incremental(const struct axis_sync_report *report);

// Returns the dataset's generation after the sync, which grows by one with every change; 0 for NULL.
uint64_t axis_sync_report_generation(const struct axis_sync_report *report);

// Returns the rows that were read from the source; 0 for NULL.
uint64_t axis_sync_report_rows_read(const struct axis_sync_report *report);

// Returns the rows that all tables of the dataset now have; 0 for NULL.
uint64_t axis_sync_report_rows_total(const struct axis_sync_report *report);

// Returns the milliseconds from start to commit; 0 for NULL.
uint64_t axis_sync_report_elapsed_ms(const struct axis_sync_report *report);

// Returns the whole report as a JSON object. Borrowed from the report; NULL for NULL.
const char *axis_sync_report_json(const struct axis_sync_report *report);

// Frees a report. NULL is fine.
void axis_sync_report_free(struct axis_sync_report *report);

// Tells whether source and store are equal; false for NULL.
bool axis_verify_report_equal(const struct axis_verify_report *report);

// Returns the whole report, differences included, as a JSON object. Borrowed from the report; NULL for NULL.
const char *axis_verify_report_json(const struct axis_verify_report *report);

// Frees a report. NULL is fine.
void axis_verify_report_free(struct axis_verify_report *report);

// Writes how the backups go that `duckdb.backup` asks for, which the scheduler makes, as a JSON object: directory, last_success (a time or
// null) and last_failure (null, or at, code and message); or null when it asks for none. Never waits.
axis_status axis_engine_backup_status(const struct axis_engine *engine,
                                      char **json_out,
                                      struct axis_error **error_out);

// Writes a backup of everything that is committed now, while syncs and queries go on, and writes its report as a JSON object: path,
// bytes, elapsed_ms, manifest. NULL for the options is their defaults, NULL for the callback no progress.
//
// A file takes the place of another backup; a folder must not exist yet, or be empty. It appears under its name once it is whole;
// its directory has room for twice the store meanwhile. Whatever the error, nothing is left behind.
//
// Errors: AXIS_INVALID_ARGUMENT when something else is there, AXIS_BUSY while another backup is made, AXIS_STORE, AXIS_LOCKED,
// AXIS_CANCELLED.
axis_status axis_engine_backup(const struct axis_engine *engine,
                               const char *path,
                               const struct axis_backup_options *options,
                               axis_backup_callback on_progress,
                               void *userdata,
                               char **json_out,
                               struct axis_error **error_out);

// Makes a store from a backup, a file or a folder, and writes its report as a JSON object: store, replaced, bytes, elapsed_ms, manifest.
// Nobody may have the store open. NULL for the callback is no progress.
//
// The options are a JSON object, or NULL: `store`, `config` and `env` as for axis_engine_open, and `force` (boolean), without which
// a store that is there already is not replaced. All checksums are compared before anything is written to where the store is, and it
// takes its place at once. Whatever the error, what was there is left as it was.
//
// Errors: AXIS_INVALID_ARGUMENT when there is a store already, AXIS_NOT_FOUND, AXIS_STORE when the backup is damaged or of a newer
// version, AXIS_LOCKED, AXIS_CONFIG, AXIS_CANCELLED.
axis_status axis_restore(const char *path,
                         const char *options_json,
                         axis_backup_callback on_progress,
                         void *userdata,
                         char **json_out,
                         struct axis_error **error_out);

// Writes a store anew, without the room that is free in its file, and writes a report as a JSON object: store, bytes_before,
// bytes_after, tables, rows, elapsed_ms. Nobody may have the store open. NULL for the callback is no progress.
//
// The options are a JSON object, or NULL: `store`, `config` and `env` as for axis_engine_open. Whatever the error, the store is
// left as it was.
//
// Errors: AXIS_NOT_FOUND when there is no store, AXIS_LOCKED, AXIS_STORE, AXIS_CONFIG, AXIS_INVALID_ARGUMENT, AXIS_CANCELLED.
axis_status axis_compact(const char *options_json,
                         axis_backup_callback on_progress,
                         void *userdata,
                         char **json_out,
                         struct axis_error **error_out);

// Syncs a dataset and waits for the report. NULL for the options is their defaults.
//
// Errors: AXIS_BUSY, AXIS_CONFIG, AXIS_SOURCE_UNAVAILABLE, AXIS_SOURCE_REJECTED, AXIS_SCHEMA_MISMATCH, AXIS_STORE, AXIS_LOCKED,
// AXIS_TIMEOUT, AXIS_CANCELLED. Whatever the error, the data of before is served and the next sync is exact.
axis_status axis_engine_sync(const struct axis_engine *engine,
                             const char *dataset,
                             const struct axis_sync_options *options,
                             struct axis_sync_report **report_out,
                             struct axis_error **error_out);

// Syncs every dataset that can be synced, and writes what became of each as JSON: {"monitoring": {"ok": report}, "eval": {"error":
// error}}. The call succeeds when datasets fail. NULL for the options is their defaults.
axis_status axis_engine_sync_all(const struct axis_engine *engine,
                                 const struct axis_sync_options *options,
                                 char **json_out,
                                 struct axis_error **error_out);

// Cancels the running sync or verification of a dataset, whoever started it, and writes whether there was one. Never waits.
axis_status axis_engine_cancel_sync(const struct axis_engine *engine,
                                    const char *dataset,
                                    bool *cancelled_out,
                                    struct axis_error **error_out);

// Compares a dataset with its source, row by row in sums, and waits for the report. NULL for the options is their defaults.
//
// Errors: those of axis_engine_sync, and AXIS_NOT_SYNCED. A difference is no error.
axis_status axis_engine_verify(const struct axis_engine *engine,
                               const char *dataset,
                               const struct axis_verify_options *options,
                               struct axis_verify_report **report_out,
                               struct axis_error **error_out);

// Verifies every dataset that can be synced, and writes what became of each as axis_engine_sync_all does.
axis_status axis_engine_verify_all(const struct axis_engine *engine,
                                   const struct axis_verify_options *options,
                                   char **json_out,
                                   struct axis_error **error_out);

// Frees a text that a function has written to an output. NULL is fine.
void axis_text_free(char *text);

// Returns the version of the library as text, such as `0.1.0`. Static, never freed.
const char *axis_version(void);

// Returns the version of the library as one number, to be compared with AXIS_VERSION_NUMBER of the header.
uint32_t axis_version_number(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/* How options begin. */
#define AXIS_SYNC_OPTIONS_INIT {sizeof(axis_sync_options), AXIS_SYNC_MODE_AUTO, 0, NULL}
#define AXIS_VERIFY_OPTIONS_INIT {sizeof(axis_verify_options), 0, 0, NULL}
#define AXIS_QUERY_OPTIONS_INIT {sizeof(axis_query_options), 0, 0, NULL, NULL, NULL}
#define AXIS_BACKUP_OPTIONS_INIT {sizeof(axis_backup_options), AXIS_BACKUP_FORMAT_DUCKDB, NULL}

#endif /* AXIS_H */
