/* The version: three parts, the composite, and the text, in the header and in the library. */
#include "check.h"

int main(void) {
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", AXIS_VERSION_MAJOR, AXIS_VERSION_MINOR, AXIS_VERSION_PATCH);
  CHECK(strcmp(text, axis_version()) == 0);
  CHECK(AXIS_VERSION_NUMBER == AXIS_VERSION_MAJOR * 1000000 + AXIS_VERSION_MINOR * 1000 + AXIS_VERSION_PATCH);
  CHECK(axis_version_number() == AXIS_VERSION_NUMBER);
  puts(axis_version());
  return 0;
}
