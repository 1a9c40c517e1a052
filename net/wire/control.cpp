#include "net/wire/control.h"

#include <fmt/format.h>

#include <charconv>

#include "net/wire/address.h"
#include "ops/base/error.h"
#include "ops/base/json.h"
#include "ops/base/json_fields.h"

namespace quantring::net {
namespace {

using nlohmann::json;

// As text: a random 64-bit number does not survive readers that keep numbers as doubles.
std::uint64_t read_session(const json& object) {
  const std::string& text = read_string(object, "session");
  std::uint64_t session = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), session, 16);
  if (text.size() != 16 || error != std::errc{} || end != text.data() + text.size()) {
    throw Error("field 'session' is not 16 hexadecimal digits");
  }
  return session;
}

constexpr const char* role_names[] = {"head", "stage", "node"};

Role read_role(const json& object) {
  const std::string& text = read_string(object, "role");
  for (const Role role : {Role::head, Role::stage, Role::node}) {
    if (text == role_names[static_cast<int>(role)]) return role;
  }
  throw Error("field 'role' is none of head, stage, node");
}

}  // namespace

std::string hello_json(const Hello& hello) {
  return json_text(json{{"version", hello.version},
                        {"session", session_text(hello.session)},
                        {"role", role_names[static_cast<int>(hello.role)]},
                        {"stage", hello.stage}});
}

Hello parse_hello(std::string_view text) {
  const json object = parse_json(text, "hello");
  Hello hello;
  hello.version = read_string(object, "version");
  if (hello.version.size() > 64) throw Error("field 'version' is too long");
  hello.session = read_session(object);
  hello.role = read_role(object);
  hello.stage = static_cast<int>(read_uint(object, "stage", max_stages - 1));
  return hello;
}

std::string plan_json(const Plan& plan) {
  json stages = json::array();
  for (const PlanStage& stage : plan.stages) {
    stages.push_back({{"address", stage.address}, {"work", stage.work}});
  }
  return json_text(json{{"session", session_text(plan.session)},
                        {"epoch", plan.epoch},
                        {"stage", plan.stage},
                        {"stages", std::move(stages)},
                        {"return", plan.return_address},
                        {"link_bits_per_second", plan.link_bits_per_second},
                        {"credits", plan.credits}});
}

Plan parse_plan(std::string_view text) {
  const json object = parse_json(text, "plan");
  Plan plan;
  plan.session = read_session(object);
  plan.epoch = static_cast<std::uint32_t>(read_uint(object, "epoch", UINT32_MAX));
  for (const json& entry : read_array(object, "stages", max_stages)) {
    PlanStage& stage = plan.stages.emplace_back();
    stage.address = read_string(entry, "address");
    stage.work = read_string(entry, "work");
    parse_address(stage.address);
  }
  if (plan.stages.empty()) throw Error("field 'stages' is empty");
  plan.stage = static_cast<int>(read_uint(object, "stage", plan.stages.size() - 1));
  plan.return_address = read_string(object, "return");
  parse_address(plan.return_address);
  plan.link_bits_per_second = read_uint(object, "link_bits_per_second");
  plan.credits = static_cast<std::uint32_t>(read_uint(object, "credits", max_credits, 1));
  return plan;
}

std::string bye_json(const std::vector<StageStats>& stages) {
  json list = json::array();
  for (const StageStats& stage : stages) list.push_back(stage_stats_json(stage));
  return json_text(json{{"stages", std::move(list)}});
}

std::vector<StageStats> parse_bye(std::string_view text) {
  const json object = parse_json(text, "bye");
  std::vector<StageStats> stages;
  for (const json& entry : read_array(object, "stages", max_stages)) {
    if (!entry.is_string()) throw Error("field 'stages' holds something that is no text");
    stages.push_back(parse_stage_stats(entry.get_ref<const std::string&>()));
  }
  return stages;
}

std::string stage_name(int stage, std::string_view address) {
  return fmt::format("stage {} ({})", stage, address);
}

std::string session_text(std::uint64_t session) {
  return fmt::format("{:016x}", session);
}

}  // namespace quantring::net
