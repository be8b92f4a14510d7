/* AXIS beside another DuckDB, which the program links by itself and before it. Arguments: two paths of stores. */
#include "check.h"

/* What is needed of DuckDB's own interface. */
typedef struct { void *inside; } *duckdb_database;
typedef struct { void *inside; } *duckdb_connection;
extern int duckdb_open(const char *path, duckdb_database *out_database);
extern int duckdb_connect(duckdb_database database, duckdb_connection *out_connection);
extern int duckdb_query(duckdb_connection connection, const char *query, void *out_result);
extern void duckdb_disconnect(duckdb_connection *connection);
extern void duckdb_close(duckdb_database *database);

int main(int argc, char **argv) {
  axis_error *error = NULL;
  axis_engine *engine = NULL;
  char *json = NULL, options[4096];
  duckdb_database database;
  duckdb_connection connection;
  CHECK(argc == 3);
  snprintf(options, sizeof options, "{\"store\": \"%s\"}", argv[1]);
  OK(axis_engine_open(options, &engine, &error));
  CHECK(duckdb_open(argv[2], &database) == 0);
  CHECK(duckdb_connect(database, &connection) == 0);
  CHECK(duckdb_query(connection, "create table t as select range as i from range(100000)", NULL) == 0);
  OK(axis_engine_query_json(engine, "select sum(range)::bigint as total from range(100000)", NULL, NULL, &json, &error));
  HOLDS(json, "{\"total\":4999950000}");
  CHECK(duckdb_query(connection, "select nothing", NULL) != 0);
  FAILS(axis_engine_query_json(engine, "select * from t", NULL, NULL, &json, &error), AXIS_QUERY, "t");
  axis_engine_free(engine);
  CHECK(duckdb_query(connection, "select sum(i) from t", NULL) == 0);
  duckdb_disconnect(&connection);
  duckdb_close(&database);
  return 0;
}
