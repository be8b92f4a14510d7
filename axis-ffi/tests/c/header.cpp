// The header in C++, behind another header that defines Arrow's structures under the same guards, and twice.
#include <cstdint>

#define ARROW_C_DATA_INTERFACE
extern "C" {
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
}

#include <axis.h>
#include <axis.h>

#include <cstring>
#include <memory>

int main() {
  axis_sync_options options = AXIS_SYNC_OPTIONS_INIT;
  axis_error *raw = nullptr;
  axis_sync_report *report = nullptr;
  axis_status status = axis_engine_sync(nullptr, "shop", &options, &report, &raw);
  std::unique_ptr<axis_error, decltype(&axis_error_free)> error(raw, axis_error_free);
  ArrowArrayStream stream{};
  bool refused = axis_engine_query(nullptr, "select 1", nullptr, nullptr, &stream, nullptr) == AXIS_INVALID_ARGUMENT;
  return status == AXIS_INVALID_ARGUMENT && refused && std::strcmp(axis_error_code(error.get()), "AXIS_INVALID_ARGUMENT") == 0 ? 0 : 1;
}
