// `classify` while its model file is overwritten.

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/apps/commands/programs.h"
#include "tests/support/files.h"
#include "tests/support/process.h"
#include "tests/support/texts.h"

using namespace quantring;
using quantring::test::contains;
using test::program;
using test::TemporaryFolder;

TEST_CASE("answers stay those of the model as it was at the start, and the change is reported") {
  const TemporaryFolder folder;
  const std::string model = folder / "model.safetensors", other = folder / "other.safetensors";
  const std::string images = test::write_idx(folder, 5000);
  test::write_tiny_model(other, 8);
  for (const std::vector<std::string>& ring :
       {std::vector<std::string>{}, {"--stages", "2", "--codec", "raw32"}}) {
    CAPTURE(ring.size());
    test::write_tiny_model(model, 7);
    std::vector<std::string> command = {program, "classify", images, "--model", model};
    command.insert(command.end(), ring.begin(), ring.end());
    const auto expected = test::run(command);
    REQUIRE(expected.status == 0);
    CHECK_FALSE(contains(expected.err, "changed while it was in use"));
    // The answers do not fit into a pipe, so the run cannot end before it is read.
    for (const std::string& bytes : {std::string(), test::read_file(other)}) {
      test::write_tiny_model(model, 7);
      test::Process process(command);
      REQUIRE(process.wait_for_output("#0: "));
      test::write_file(model, bytes);
      CHECK(process.wait() == 0);
      CHECK(process.out() == expected.out);
      CHECK(contains(process.err(), "the model file changed while it was in use"));
    }
  }
}
