#pragma once
// `quantring node` processes on this machine, started and ended by the head.

#include <string>
#include <vector>

#include <sys/types.h>

#include "ops/context.h"

namespace quantring::apps {

class LocalNodes {
 public:
  // Starts `count` processes of this program, each on a free port of 127.0.0.1, and waits until all
  // listen. They end with this object, or with the thread that created it. Throws Error.
  LocalNodes(int count, const std::string& model_path, const ContextOptions& compute);
  ~LocalNodes();
  LocalNodes(const LocalNodes&) = delete;
  LocalNodes& operator=(const LocalNodes&) = delete;

  const std::vector<std::string>& addresses() const { return addresses_; }  // "127.0.0.1:PORT"
  const std::vector<pid_t>& processes() const { return processes_; }

 private:
  void start(const std::string& model_path, const ContextOptions& compute);
  void stop();

  std::vector<pid_t> processes_;
  std::vector<std::string> addresses_;
};

}  // namespace quantring::apps
