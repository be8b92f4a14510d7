
/* How options begin. */
#define AXIS_SYNC_OPTIONS_INIT {sizeof(axis_sync_options), AXIS_SYNC_MODE_AUTO, 0, NULL}
#define AXIS_VERIFY_OPTIONS_INIT {sizeof(axis_verify_options), 0, 0, NULL}
#define AXIS_QUERY_OPTIONS_INIT {sizeof(axis_query_options), 0, 0, NULL, NULL, NULL}
#define AXIS_BACKUP_OPTIONS_INIT {sizeof(axis_backup_options), AXIS_BACKUP_FORMAT_DUCKDB, NULL}

#endif /* AXIS_H */
