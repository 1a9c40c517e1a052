// The metrics, read back by an independent parser.
#include <doctest/doctest.h>

#include <ctime>
#include <string>

#include "apps/camera/live_metrics.h"
#include "tests/apps/camera/live_status_sample.h"
#include "tests/apps/camera/prometheus_text.h"

namespace quantring::apps {
namespace {

using test::Labels;
using test::MetricFamily;
using test::read_prometheus;

std::string only(const MetricFamily& family, const Labels& labels = {}) {
  const auto found = family.samples.find(labels);
  return found == family.samples.end() ? "no sample" : found->second;
}

TEST_CASE("every number of a run is a metric, in base units") {
  auto all = read_prometheus(live_metrics(test::sample_status()));
  const auto counter = [&](const std::string& name, const std::string& value,
                           const Labels& labels = {}) {
    CAPTURE(name);
    CHECK(all[name].type == "counter");
    CHECK(only(all[name], labels) == value);
  };
  const auto gauge = [&](const std::string& name, double value, const Labels& labels = {}) {
    CAPTURE(name);
    CHECK(all[name].type == "gauge");
    const std::string text = only(all[name], labels);
    REQUIRE(text != "no sample");
    CHECK(std::stod(text) == doctest::Approx(value));
  };
  counter("quantring_images_total", "58");
  counter("quantring_frames_total", "101");
  counter("quantring_frames_dropped_total", "40");
  counter("quantring_frames_unreadable_total", "3", {{"where", "source"}});
  counter("quantring_frames_unreadable_total", "4", {{"where", "decoder"}});
  counter("quantring_frames_lost_total", "5");
  counter("quantring_ring_reconnects_total", "6");
  counter("quantring_source_reopened_total", "2");
  gauge("quantring_healthy", 1);
  gauge("quantring_source_open", 1);
  gauge("quantring_uptime_seconds", 12.25);
  gauge("quantring_images_per_second", 20.75);
  gauge("quantring_frames_per_second", 29.5);
  gauge("quantring_needed_images_per_second", 24);
  gauge("quantring_build_info", 1, {{"version", "9.8.7"}});
  gauge("quantring_model_info", 1,
        {{"model", "models/a \"quoted\\\" model\n.safetensors"}, {"hash", "cafe"}});
  CHECK(all["quantring_latency_seconds"].type == "summary");
  CHECK(only(all["quantring_latency_seconds"], {{"quantile", "0.5"}}) == "0.0625");
  CHECK(only(all["quantring_latency_seconds"], {{"quantile", "0.95"}}) == "0.125");
  CHECK(all["quantring_latency_seconds"].parts["_sum"][{}] == "4.5");
  CHECK(all["quantring_latency_seconds"].parts["_count"][{}] == "58");

  const Labels second = {{"stage", "1"}};
  counter("quantring_stage_images_total", "61", second);
  gauge("quantring_stage_images_per_second", 22.5, second);
  gauge("quantring_stage_up", 0, second);
  gauge("quantring_stage_up", 1, {{"stage", "0"}});
  gauge("quantring_stage_busy_ratio", 0.75, second);
  gauge("quantring_stage_resident_memory_bytes", 301e6, second);
  gauge("quantring_stage_info", 1,
        {{"stage", "1"},
         {"address", "10.0.0.2:7710"},
         {"part", "blocks 6-11"},
         {"device", "Orin \xef\xbf\xbd\xef\xbf\xbd GPU"},
         {"version", "9.8.6"}});

  const Labels link = {{"link", "0 -> 1"}};
  gauge("quantring_link_bytes_per_second", 2e6, link);
  gauge("quantring_link_busy_ratio", 0.25, link);
  gauge("quantring_link_element_width", 6.5, link);
  gauge("quantring_link_agreement_ratio", 0.965, link);
  gauge("quantring_link_round_trip_seconds", 0.00075, link);
  gauge("quantring_link_codec_info", 1, {{"link", "0 -> 1"}, {"codec", "ptq 6"}});
  gauge("quantring_link_capacity_bytes_per_second", 81e6 / 8,
        {{"link", "0 -> 1"}, {"kind", "at_least"}});
  gauge("quantring_link_capacity_bytes_per_second", 82e6 / 8,
        {{"link", "1 -> head"}, {"kind", "measured"}});
  counter("quantring_link_bytes_total", "5000000001", link);
  counter("quantring_link_frames_total", "71", link);

  // Unknown values have no sample.
  CHECK(all["quantring_link_capacity_bytes_per_second"].samples.size() == 2);
  CHECK(all["quantring_link_round_trip_seconds"].samples.size() == 1);
  CHECK(all["quantring_link_element_width"].samples.size() == 2);
  CHECK(all["quantring_link_codec_info"].samples.size() == 2);
  CHECK(all["quantring_link_bytes_total"].samples.size() == 3);
  std::erase_if(all, [](const auto& each) { return each.first.starts_with("process_"); });
  CHECK(all.size() == 31);  // none that is not checked above
  for (const auto& each : all) {
    CAPTURE(each.first);
    CHECK_FALSE(each.second.help.empty());
    CHECK_FALSE(each.second.samples.empty());
  }
}

TEST_CASE("the metrics of the process are those of Prometheus's libraries") {
  const auto all = read_prometheus(live_metrics(LiveStatus{}));
  const auto value = [&](const std::string& name) { return std::stod(only(all.at(name))); };
  CHECK(value("process_cpu_seconds_total") > 0);
  CHECK(value("process_resident_memory_bytes") > 1e6);
  CHECK(value("process_open_fds") >= 3);
  CHECK(value("process_max_fds") > value("process_open_fds"));
  const double now = static_cast<double>(std::time(nullptr));
  CHECK(value("process_start_time_seconds") <= now + 2);
  CHECK(value("process_start_time_seconds") > now - 3600);
}

TEST_CASE("the metrics pass Prometheus's rules") {
  LiveStatus asked = test::sample_status();
  asked.target_set = true;
  for (const LiveStatus& status : {LiveStatus{}, test::sample_status(), asked})
    CHECK(test::lint_prometheus(live_metrics(status)) == "");
  // The rules find what they are for.
  for (const char* wrong :
       {"# HELP a_sec A.\n# TYPE a_sec counter\na_sec 1\n",
        "# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n",
        "# HELP a_milliseconds A.\n# TYPE a_milliseconds gauge\na_milliseconds 1\n",
        "# HELP a_seconds A.\n# TYPE a_seconds summary\na_seconds{quantile=\"0.5\"} 1\n",
        "# HELP a_count A.\n# TYPE a_count gauge\na_count 1\n",
        "# HELP a_info A.\n# TYPE a_info gauge\na_info 2\n"})
    CHECK(test::lint_prometheus(wrong) != "");
}

TEST_CASE("without a ring and answers there are no invented values") {
  const auto all = read_prometheus(live_metrics(LiveStatus{}));
  CHECK(only(all.at("quantring_healthy")) == "0");
  CHECK(only(all.at("quantring_images_total")) == "0");
  CHECK(only(all.at("quantring_latency_seconds"), {{"quantile", "0.5"}}) == "NaN");
  CHECK(all.count("quantring_target_images_per_second") == 0);
  for (const auto& each : all) {
    CAPTURE(each.first);
    CHECK(each.first.find("quantring_stage") == std::string::npos);
    CHECK(each.first.find("quantring_link") == std::string::npos);
  }
}

}  // namespace
}  // namespace quantring::apps
