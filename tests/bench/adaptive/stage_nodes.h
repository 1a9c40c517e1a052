#pragma once
// The two `quantring node` processes of the experiment, each in its stage's namespace.

#include <string>
#include <vector>

#include <sys/types.h>

namespace quantring::bench {

class StageNodes {
 public:
  // One CPU thread each; what they log goes to LOG-0.txt and LOG-1.txt. They end with this object
  // and with the thread that made it. Throws Error when one does not start.
  StageNodes(const std::string& program, const std::string& model, const std::string& log);
  ~StageNodes();
  StageNodes(const StageNodes&) = delete;
  StageNodes& operator=(const StageNodes&) = delete;

 private:
  void start(const std::string& program, const std::string& model, const std::string& log,
             int stage);
  void stop();

  std::vector<pid_t> processes_;
};

}  // namespace quantring::bench
