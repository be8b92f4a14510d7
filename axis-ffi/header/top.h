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
