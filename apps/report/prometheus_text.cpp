#include "apps/report/prometheus_text.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>

#include "ops/base/json.h"
#include "ops/base/process_memory.h"

namespace quantring::apps {
namespace {

std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : utf8_text(value)) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? "\\n" : std::string(1, c);
  }
  return text;
}

// Seconds since 1970; 0: unknown. proc(5): the start is in clock ticks since boot.
double start_time() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::string field;
  for (int i = 3; i <= 22 && fields >> field; ++i) {
  }
  double booted = 0;
  std::ifstream stat("/proc/stat");
  for (std::string word; stat >> word;) {
    if (word == "btime" && stat >> booted) break;
  }
  const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return booted > 0 && fields ? booted + std::strtod(field.c_str(), nullptr) / ticks : 0;
}

std::uint64_t open_files() {
  std::uint64_t count = 0;
  if (DIR* const folder = ::opendir("/proc/self/fd")) {
    while (const dirent* const entry = ::readdir(folder)) count += entry->d_name[0] != '.';
    ::closedir(folder);
    --count;  // the folder itself
  }
  return count;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

std::string utf8_text(const std::string& text) {
  return parse_ordered_json(json_text(nlohmann::ordered_json(text))).get<std::string>();
}

void PrometheusText::family(const char* name, const char* type, const char* help) {
  name_ = name;
  heading_ = fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

void PrometheusText::add(const std::string& value, Labels labels, const char* suffix) {
  std::string list;
  for (const auto& [key, text] : labels)
    list += fmt::format("{}{}=\"{}\"", list.empty() ? "" : ",", key, escaped(text));
  text_ += std::exchange(heading_, "");
  text_ += fmt::format("{}{}{} {}\n", name_, suffix, list.empty() ? "" : "{" + list + "}",
                       value == "nan" ? "NaN" : value);
}

void add_process_metrics(PrometheusText& out) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  out.one("process_cpu_seconds_total", "counter", "Processor time of this process.",
          seconds(used.ru_utime) + seconds(used.ru_stime));
  out.family("process_resident_memory_bytes", "gauge", "Memory of this process.");
  out.known(static_cast<double>(resident_bytes()));
  out.family("process_start_time_seconds", "gauge", "Start of this process, since 1970.");
  out.known(start_time());
  out.family("process_open_fds", "gauge", "Open file descriptors.");
  out.known(static_cast<double>(open_files()));
  rlimit limit{};
  out.family("process_max_fds", "gauge", "File descriptors that may be open.");
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) out.sample(std::uint64_t{limit.rlim_cur});
}

}  // namespace quantring::apps
