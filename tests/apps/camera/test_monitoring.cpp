// The Grafana dashboard and the alert rules of packaging/monitoring use metrics that there are.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "apps/camera/live_metrics.h"
#include "ops/base/json.h"
#include "tests/apps/camera/live_status_sample.h"
#include "tests/apps/camera/prometheus_text.h"
#include "tests/support/paths.h"

namespace quantring::apps {
namespace {

std::string text_of(const std::string& name) {
  std::ifstream file(test::source_path("packaging/monitoring/" + name));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  REQUIRE(!text.empty());
  return text;
}

// Of every sample that a run can have.
std::set<std::string> exported() {
  LiveStatus status = test::sample_status();
  status.target_set = true;
  std::set<std::string> names = {"up"};  // Prometheus's own
  for (const auto& [name, family] : test::read_prometheus(live_metrics(status))) {
    names.insert(name);
    for (const auto& part : family.parts) names.insert(name + part.first);
  }
  return names;
}

std::set<std::string> unknown_names(const std::string& expression) {
  static const std::regex metric("(quantring|process)_[a-z_]+");
  const std::set<std::string> names = exported();
  std::set<std::string> unknown;
  std::size_t found = 0;
  for (std::sregex_iterator each(expression.begin(), expression.end(), metric), end; each != end;
       ++each, ++found) {
    if (names.count(each->str()) == 0) unknown.insert(each->str());
  }
  if (found == 0 && expression.find("up{") == std::string::npos)
    unknown.insert("none: " + expression);
  return unknown;
}

TEST_CASE("the dashboard's panels show metrics that there are") {
  const nlohmann::json dashboard = try_parse_json(text_of("grafana-dashboard.json"));
  REQUIRE(dashboard.is_object());
  std::set<int> ids;
  for (const auto& panel : dashboard["panels"]) {
    CAPTURE(panel["title"].get<std::string>());
    CHECK(ids.insert(panel["id"].get<int>()).second);
    REQUIRE(!panel["targets"].empty());
    for (const auto& target : panel["targets"])
      CHECK(unknown_names(target["expr"].get<std::string>()) == std::set<std::string>{});
  }
  CHECK(ids.size() > 10);
  CHECK(unknown_names(dashboard["templating"]["list"][1]["query"]["query"].get<std::string>()) ==
        std::set<std::string>{});
}

TEST_CASE("the alerts watch metrics that there are") {
  const std::string rules = text_of("prometheus-alerts.yml");
  static const std::regex expression("\\n +expr: ([^\\n]+)"), alert("\\n +- alert: [A-Za-z]+\\n");
  const auto count = [&rules](const std::regex& pattern) {
    return std::distance(std::sregex_iterator(rules.begin(), rules.end(), pattern),
                         std::sregex_iterator());
  };
  CHECK(count(expression) > 5);
  CHECK(count(expression) == count(alert));
  for (std::sregex_iterator each(rules.begin(), rules.end(), expression), end; each != end; ++each)
    CHECK(unknown_names((*each)[1]) == std::set<std::string>{});
  CHECK(unknown_names("quantring_no_such_total > 0").size() == 1);
}

}  // namespace
}  // namespace quantring::apps
