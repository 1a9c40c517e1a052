#include "ops/program.h"

#include "ops/backend.h"

namespace quantring {

Program::Program() = default;
Program::~Program() = default;
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;

void Program::run(Context& context, const std::function<void()>& body) {
  context.backend().run(recorded_, body);
}

}  // namespace quantring
