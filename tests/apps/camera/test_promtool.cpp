// The metrics checked by Prometheus's own tool.
#include <doctest/doctest.h>

#include <cstdio>
#include <string>

#include "apps/camera/live_metrics.h"
#include "tests/apps/camera/live_status_sample.h"
#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace quantring::apps {
namespace {

test::Outcome check(const std::string& metrics) {
  const TempFolder folder;
  const std::string file = folder.write("metrics", metrics);
  return test::run({"/bin/sh", "-c", "promtool check metrics < '" + file + "'"});
}

TEST_CASE("promtool accepts the metrics") {
  if (test::run({"/bin/sh", "-c", "promtool --version"}).status != 0) {
    std::puts("SKIPPED: promtool is not installed (Debian's package prometheus)");
    return;
  }
  for (const LiveStatus& status : {LiveStatus{}, test::sample_status()}) {
    const test::Outcome outcome = check(live_metrics(status));
    CHECK(outcome.status == 0);
    CHECK(outcome.out + outcome.err == "");
  }
  CHECK(check("quantring_images 1\n").status != 0);  // missing HELP is detected
}

}  // namespace
}  // namespace quantring::apps
