// The metrics, read back by an independent parser.
#include <doctest/doctest.h>

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
  gauge("quantring_target_images_per_second", 24);
  gauge("quantring_resident_memory_bytes", 48.5e6);
  gauge("quantring_build_info", 1, {{"version", "9.8.7"}});
  gauge("quantring_model_info", 1,
        {{"model", "models/a \"quoted\\\" model\n.safetensors"}, {"hash", "cafe"}});
  CHECK(all["quantring_latency_seconds"].type == "summary");
  CHECK(only(all["quantring_latency_seconds"], {{"quantile", "0.5"}}) == "0.0625");
  CHECK(only(all["quantring_latency_seconds"], {{"quantile", "0.95"}}) == "0.125");

  const Labels second = {{"stage", "1"}};
  counter("quantring_stage_images_total", "61", second);
  gauge("quantring_stage_images_per_second", 22.5, second);
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
  CHECK(all.size() == 30);  // none that is not checked above
  for (const auto& each : all) {
    CAPTURE(each.first);
    CHECK_FALSE(each.second.help.empty());
    CHECK_FALSE(each.second.samples.empty());
  }
}

TEST_CASE("without a ring and answers there are no invented values") {
  const auto all = read_prometheus(live_metrics(LiveStatus{}));
  CHECK(only(all.at("quantring_healthy")) == "0");
  CHECK(only(all.at("quantring_images_total")) == "0");
  CHECK(only(all.at("quantring_latency_seconds"), {{"quantile", "0.5"}}) == "nan");
  CHECK(all.count("quantring_target_images_per_second") == 0);
  for (const auto& each : all) {
    CAPTURE(each.first);
    CHECK(each.first.find("quantring_stage") == std::string::npos);
    CHECK(each.first.find("quantring_link") == std::string::npos);
  }
}

}  // namespace
}  // namespace quantring::apps
