#include "tests/bench/adaptive/records.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "apps/report/text_file.h"
#include "ops/base/error.h"

namespace quantring::bench {
namespace {

constexpr const char* batch_header =
    "batch,phase,due_s,submitted_s,done_s,images,right,right_raw,agree,codec,bits";
constexpr const char* sample_header =
    "time_s,batch,shaped_mbps,capacity,capacity_mbps,bits,images_done,images_waiting";

std::string path_of(const std::string& folder, const std::string& policy, const char* what) {
  return fmt::format("{}/{}-{}.csv", folder, policy, what);
}

// The fields of each line after "# policy,rate,quick" and the header.
std::vector<std::vector<std::string>> read_lines(const std::string& path, const char* header,
                                                 Run& run) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.rfind("# ", 0) != 0) {
    throw Error(fmt::format("'{}' is not from this program", path));
  }
  std::istringstream first(line.substr(2));
  std::string rate, quick;
  std::getline(first, run.policy, ',');
  std::getline(first, rate, ',');
  std::getline(first, quick);
  run.rate = std::stod(rate);
  run.quick = quick == "quick";
  if (!std::getline(file, line) || line != header) {
    throw Error(fmt::format("'{}' has other columns than this program writes", path));
  }
  std::vector<std::vector<std::string>> lines;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    lines.emplace_back();
    for (std::string field; std::getline(fields, field, ',');) lines.back().push_back(field);
  }
  return lines;
}

std::string first_line(const Run& run) {
  return fmt::format("# {},{:.3f},{}\n", run.policy, run.rate, run.quick ? "quick" : "whole");
}

}  // namespace

void write_run(const std::string& folder, const Run& run) {
  std::string text = first_line(run) + batch_header + "\n";
  for (const BatchRecord& b : run.batches) {
    text += fmt::format("{},{},{:.4f},{:.4f},{:.4f},{},{},{},{},{},{}\n", b.batch, b.phase, b.due_s,
                        b.submitted_s, b.done_s, b.images, b.right, b.right_raw, b.agree,
                        codec_name(b.codec.id), width_bits(b.codec));
  }
  apps::write_text_file(path_of(folder, run.policy, "batches"), text);
  text = first_line(run) + sample_header + "\n";
  for (const Sample& s : run.samples) {
    text +=
        fmt::format("{:.3f},{},{:.4f},{},{:.4f},{},{},{}\n", s.time_s, s.batch, s.shaped_bps * 1e-6,
                    s.capacity, s.capacity_bps * 1e-6, s.bits, s.images_done, s.images_waiting);
  }
  apps::write_text_file(path_of(folder, run.policy, "samples"), text);
}

bool has_run(const std::string& folder, const std::string& policy) {
  return std::filesystem::exists(path_of(folder, policy, "batches"));
}

Run read_run(const std::string& folder, const std::string& policy) {
  Run run;
  const std::string batches = path_of(folder, policy, "batches");
  const std::string samples = path_of(folder, policy, "samples");
  try {
    for (const auto& f : read_lines(batches, batch_header, run)) {
      run.batches.push_back({std::stoi(f.at(0)), std::stoi(f.at(1)), std::stod(f.at(2)),
                             std::stod(f.at(3)), std::stod(f.at(4)), std::stoi(f.at(5)),
                             std::stoi(f.at(6)), std::stoi(f.at(7)), std::stoi(f.at(8)),
                             parse_codec(f.at(9), std::stod(f.at(10)))});
    }
    for (const auto& f : read_lines(samples, sample_header, run)) {
      run.samples.push_back({std::stod(f.at(0)), std::stoi(f.at(1)), std::stod(f.at(2)) * 1e6,
                             std::stoi(f.at(3)), std::stod(f.at(4)) * 1e6, std::stod(f.at(5)),
                             std::stoi(f.at(6)), std::stoi(f.at(7))});
    }
  } catch (const std::logic_error&) {  // stoi, stod, at
    throw Error(
        fmt::format("'{}' or '{}' has a line that this program did not write", batches, samples));
  }
  return run;
}

}  // namespace quantring::bench
