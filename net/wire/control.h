#pragma once
// Messages of a hop besides tensors, as JSON: hello, plan, statistics, goodbye.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/wire/stats.h"

namespace quantring::net {

enum class Role : std::uint8_t {
  head,   // connects to stage 0; accepts the last stage
  stage,  // a node in a session, connecting to its successor
  node,   // a node that answers a connection
};

// In the text with which a node refuses a head while it has another's session.
inline constexpr std::string_view busy_text = "busy with a session of";

struct Hello {
  std::string version;        // of the software
  std::uint64_t session = 0;  // random; the same for every link of a ring
  Role role = Role::node;
  int stage = 0;  // of a Role::stage
};

// FrameHeader::control of a control frame.
enum class ControlType : std::uint8_t {
  plan = 1,      // downstream; JSON: Plan
  ready = 2,     // upstream: this stage and all stages behind it can compute
  stats = 3,     // upstream, twice a second; JSON: StageStats of one stage
  finish = 4,    // downstream: no more frames; request_id: how many there were
  bye = 5,       // upstream, the last frame of a link; JSON: list of the StageStats from here on
  instruct = 6,  // downstream, passed on by every stage: the app's JSON, at most 64 KiB
};

inline constexpr std::size_t max_instruction_bytes = 64 << 10;

struct Control {
  ControlType type = ControlType::ready;
  std::string json;
};

struct PlanStage {
  std::string address;  // HOST:PORT as its predecessor reaches it
  std::string work;     // the app's JSON, opaque to net
};

struct Plan {
  std::uint64_t session = 0;
  std::uint32_t epoch = 1;
  int stage = 0;  // of the node that receives this copy
  std::vector<PlanStage> stages;
  std::string return_address;  // where the last stage connects
  std::uint64_t link_bits_per_second = 0;
  std::uint32_t credits = 1;
};

inline constexpr std::uint32_t max_credits = 1024;

// The readers throw Error naming the field that is missing or wrong.
std::string hello_json(const Hello& hello);
Hello parse_hello(std::string_view json);
std::string plan_json(const Plan& plan);
Plan parse_plan(std::string_view json);
std::string bye_json(const std::vector<StageStats>& stages);
std::vector<StageStats> parse_bye(std::string_view json);

std::string stage_name(int stage, std::string_view address);  // "stage 1 (10.0.0.12:7710)"
std::string session_text(std::uint64_t session);              // 16 hexadecimal digits

}  // namespace quantring::net
